//! A letter: what it says, as text and as HTML, and how it is written for a server of mail. Pure.
//!
//! What sources wrote stays text: it begins no header, no element and no link.

use lettre::Address;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Shown;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use model::Timestamp;

use super::mailbox::{Mailbox, hash_of};

/// Most letters of a subject.
const SUBJECT_LETTERS: usize = 180;
/// Most letters of a line that sources wrote.
const LINE_LETTERS: usize = 2_000;
/// Who letters come from, beside the address.
const SENDER: &str = "Epicenter";

/// What a letter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Letter {
    /// Its subject: what it is about, and not how that stands, so that letters about the same thing hang together.
    pub(crate) subject: String,
    /// The id of the change or incident that it is about, if it is about one.
    pub(crate) about: Option<String>,
    /// Its first line.
    pub(crate) heading: String,
    /// What stands where, each by its name.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Lines of a list.
    pub(crate) list: Vec<String>,
    /// Lines after it.
    pub(crate) notes: Vec<String>,
    /// Why it is sent.
    pub(crate) reason: String,
}

/// What stands on a letter.
pub(crate) struct Cover<'c> {
    /// The id of the message, the same however often it is sent.
    pub(crate) id: &'c str,
    /// The subscription.
    pub(crate) subscription: &'c str,
    /// Who sends it.
    pub(crate) from: &'c Address,
    /// To whom.
    pub(crate) to: &'c [Mailbox],
    /// When.
    pub(crate) at: Timestamp,
}

impl Letter {
    /// The letter as a server of mail takes it: RFC 5322 with both forms of the text, all of it in ASCII.
    pub(crate) fn written(&self, cover: &Cover<'_>) -> Vec<u8> {
        let (text, html) = (self.text(), self.html());
        let domain = cover.from.domain();
        let named = |name: &str| format!("{name}@{domain}");
        let to = cover.to.iter().map(|it| it.address().to_string());
        let second = cover.at.unix_nanos().div_euclid(1_000_000_000);
        let mut letter = MessageBuilder::new()
            .date(Date::new(second))
            .from(Shown::new_address(Some(SENDER), cover.from.to_string()))
            .to(Shown::from(to.collect::<Vec<String>>()))
            .subject(Text::new(plain(&self.subject, SUBJECT_LETTERS)))
            .message_id(MessageId::new(named(cover.id)));
        if let Some(about) = &self.about {
            letter = letter
                .in_reply_to(MessageId::new(named(about)))
                .references(MessageId::new(named(about)));
        }
        let list = Raw::new(format!("<{}.{domain}>", cover.subscription));
        // Were it of the moment, a letter that is sent again would be another one.
        let boundary = format!("={}", hash_of(&format!("{text}\n{html}")));
        let both = ContentType::new("multipart/alternative").attribute("boundary", boundary);
        let parts = vec![
            MimePart::new("text/plain", text),
            MimePart::new("text/html", html),
        ];
        let letter = letter
            .header("List-Id", list)
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .body(MimePart::new(both, parts));
        let mut written = Vec::new();
        letter.serialize(&mut written);
        written
    }

    /// The letter without any form.
    pub(crate) fn text(&self) -> String {
        let mut text = plain(&self.heading, LINE_LETTERS);
        text.push('\n');
        for (name, value) in &self.facts {
            text.push_str(&format!("\n{name}: {}", plain(value, LINE_LETTERS)));
        }
        if !self.facts.is_empty() {
            text.push('\n');
        }
        for line in &self.list {
            text.push_str(&format!("\n- {}", plain(line, LINE_LETTERS)));
        }
        if !self.list.is_empty() {
            text.push('\n');
        }
        for line in &self.notes {
            text.push_str(&format!("\n{}", plain(line, LINE_LETTERS)));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        // What mail programs know a signature by.
        text.push_str(&format!("\n-- \n{}\n", plain(&self.reason, LINE_LETTERS)));
        text
    }

    /// The letter for programs that show HTML. It loads nothing and links nowhere.
    pub(crate) fn html(&self) -> String {
        let mut html = String::from("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">");
        let mut add = |text: &str| html.push_str(text);
        add(&format!(
            "<title>{}</title></head>\n",
            escaped(&self.subject)
        ));
        add("<body style=\"font-family:sans-serif\">\n");
        add(&format!("<h3>{}</h3>\n", escaped(&self.heading)));
        if !self.facts.is_empty() {
            add("<table>\n");
            for (name, value) in &self.facts {
                let value = escaped(value);
                add(&format!(
                    "<tr><td style=\"color:#555\">{name}</td><td>{value}</td></tr>\n"
                ));
            }
            add("</table>\n");
        }
        if !self.list.is_empty() {
            add("<ul>\n");
            for line in &self.list {
                add(&format!("<li>{}</li>\n", escaped(line)));
            }
            add("</ul>\n");
        }
        for line in &self.notes {
            add(&format!("<p>{}</p>\n", escaped(line)));
        }
        add(&format!(
            "<p style=\"color:#777\"><small>{}</small></p>\n</body></html>\n",
            escaped(&self.reason)
        ));
        html
    }
}

/// A text as one line of letters that are seen as they stand, shortened.
fn plain(text: &str, letters_max: usize) -> String {
    let mut plain = String::with_capacity(text.len().min(letters_max));
    let mut letters = 0;
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
            letters += 1;
        }
        for letter in word.chars().filter(|letter| !is_hidden(*letter)) {
            if letters_max <= letters {
                plain.push('\u{2026}');
                return plain;
            }
            plain.push(letter);
            letters += 1;
        }
    }
    plain
}

/// Whether a letter is not seen, or makes others stand elsewhere than they are.
fn is_hidden(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || letter.is_control() || letter == '\u{feff}'
}

fn escaped(text: &str) -> String {
    let text = plain(text, LINE_LETTERS);
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::mailbox::MailPolicy;
    use super::*;

    fn letter() -> Letter {
        Letter {
            subject: "Change: payments 2.1 (service:prod/shop, prod)".to_owned(),
            about: Some("chg_1f".to_owned()),
            heading: "payments 2.1: running".to_owned(),
            facts: vec![("Environment", "prod".to_owned())],
            list: vec!["service:prod/shop".to_owned()],
            notes: vec!["service:prod/shop is 1 relation from service:web".to_owned()],
            reason: "You hear of this because of shop on call.".to_owned(),
        }
    }

    fn written(letter: &Letter) -> String {
        let policy = MailPolicy::default();
        let to = policy.read("mailto:li@example.com,wang@x.org").unwrap();
        let from = policy.address("epicenter@example.com").unwrap();
        let cover = Cover {
            id: "msg_1f_42",
            subscription: "sub_1f",
            from: &from,
            to: &to,
            at: "2026-11-20T10:00:00Z".parse().unwrap(),
        };
        String::from_utf8(letter.written(&cover)).unwrap()
    }

    #[test]
    fn a_letter_has_both_forms_and_says_what_it_belongs_to() {
        assert_snapshot!(written(&letter()).replace('\r', ""));
    }

    #[test]
    fn the_same_letter_is_written_the_same_again() {
        assert_eq!(written(&letter()), written(&letter()));
    }

    #[test]
    fn what_sources_wrote_begins_no_header_no_element_and_no_part() {
        let evil = "x\r\nBcc: victim@example.com\r\n\r\n<script>alert('1')</script>\"\u{202e}&\0";
        let letter = Letter {
            subject: evil.to_owned(),
            heading: evil.to_owned(),
            list: vec![evil.to_owned()],
            ..letter()
        };
        let written = written(&letter);
        let (head, _) = written.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect();
        let expected = [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "In-Reply-To",
            "References",
            "List-Id",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];
        assert_eq!(names, expected);
        assert!(!letter.html().contains("<script"), "{}", letter.html());
        let shown = "x Bcc: victim@example.com <script>alert('1')</script>\"&";
        assert_eq!(letter.text().lines().next(), Some(shown));
    }

    #[test]
    fn every_writing_is_kept_in_ascii_lines_that_servers_take() {
        let chinese = "\u{652f}\u{4ed8}\u{670d}\u{52a1}\u{53d8}\u{66f4} ".repeat(60);
        let letter = Letter {
            subject: chinese.clone(),
            heading: chinese,
            ..letter()
        };
        let written = written(&letter);
        assert!(written.is_ascii());
        for line in written.split("\r\n") {
            assert!(line.len() <= 78, "{line}");
            assert!(!line.contains(['\r', '\n']), "{line:?}");
        }
        assert!(plain(&letter.subject, SUBJECT_LETTERS).ends_with('\u{2026}'));
    }
}
