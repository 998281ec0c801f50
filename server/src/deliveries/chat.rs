//! Notices as messages of chats, each in its own form, and what a chat says when it does not take one. Pure.
//!
//! What sources wrote is text in them and nothing else: it mentions nobody and links nowhere.

use std::time::Duration;

use model::NoticeFormat;
use serde_json::{Value, json};

/// The longest text that every chat takes.
const TEXT_BYTES: usize = 2_000;

/// The body of a message; nothing where a notice is not written for people.
pub(super) fn body(format: NoticeFormat, text: &str) -> Option<Value> {
    let text = shortened(text);
    let body = match format {
        NoticeFormat::CloudEvents | NoticeFormat::CdEvents | NoticeFormat::Email => return None,
        NoticeFormat::Slack => {
            let text = text.replace('&', "&amp;");
            let text = text.replace('<', "&lt;").replace('>', "&gt;");
            json!({ "text": text })
        }
        NoticeFormat::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "body": [{ "type": "TextBlock", "text": plain_in_markdown(text), "wrap": true }],
                },
            }],
        }),
        NoticeFormat::Feishu => {
            // In angle brackets it would mention people.
            let text = text.replace('<', "\u{ff1c}").replace('>', "\u{ff1e}");
            json!({ "msg_type": "text", "content": { "text": text } })
        }
        NoticeFormat::DingTalk | NoticeFormat::WeCom => {
            json!({ "msgtype": "text", "text": { "content": text } })
        }
    };
    Some(body)
}

/// Whether a host is that of a chat itself, which gives out addresses that nobody guesses.
pub(super) fn is_home(format: NoticeFormat, host: &str) -> bool {
    let homes: &[&str] = match format {
        NoticeFormat::CloudEvents | NoticeFormat::CdEvents | NoticeFormat::Email => &[],
        NoticeFormat::Slack => &["hooks.slack.com", "hooks.slack-gov.com"],
        NoticeFormat::Teams => &["webhook.office.com", "logic.azure.com", "powerplatform.com"],
        NoticeFormat::Feishu => &["open.feishu.cn", "open.larksuite.com"],
        NoticeFormat::DingTalk => &["oapi.dingtalk.com"],
        NoticeFormat::WeCom => &["qyapi.weixin.qq.com"],
    };
    homes.iter().any(|home| match host.strip_suffix(home) {
        Some(before) => before.is_empty() || before.ends_with('.'),
        None => false,
    })
}

/// What a chat says that answers with success and does not take the message.
pub(super) fn refusal(format: NoticeFormat, answer: &[u8]) -> Option<String> {
    let (code, reason) = match format {
        NoticeFormat::CloudEvents
        | NoticeFormat::CdEvents
        | NoticeFormat::Slack
        | NoticeFormat::Teams
        | NoticeFormat::Email => return None,
        NoticeFormat::Feishu => ("code", "msg"),
        NoticeFormat::DingTalk | NoticeFormat::WeCom => ("errcode", "errmsg"),
    };
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let code = answer.get(code)?.as_i64().filter(|code| *code != 0)?;
    let reason = answer.get(reason).and_then(Value::as_str);
    Some(format!(
        "the chat answered {code}: {}",
        shortened(reason.unwrap_or_default())
    ))
}

/// The least time between two messages that a chat takes, or people who get them by mail.
pub(super) const fn apart(format: NoticeFormat) -> Duration {
    match format {
        NoticeFormat::CloudEvents | NoticeFormat::CdEvents => Duration::ZERO,
        NoticeFormat::Slack | NoticeFormat::Teams | NoticeFormat::Feishu | NoticeFormat::Email => {
            Duration::from_secs(1)
        }
        NoticeFormat::DingTalk | NoticeFormat::WeCom => Duration::from_secs(3),
    }
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn plain_in_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\[]()*_~`#".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
        if letter == '\n' {
            // One line break alone is none.
            plain.push('\n');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chat_gets_its_own_form() {
        let text = |format: NoticeFormat| body(format, "a <b> [c]\nd").map(|body| body.to_string());
        assert_eq!(text(NoticeFormat::CloudEvents), None);
        let expected = r#"{"text":"a &lt;b&gt; [c]\nd"}"#;
        assert_eq!(text(NoticeFormat::Slack).as_deref(), Some(expected));
        let expected = r#"{"msgtype":"text","text":{"content":"a <b> [c]\nd"}}"#;
        assert_eq!(text(NoticeFormat::DingTalk).as_deref(), Some(expected));
        assert_eq!(text(NoticeFormat::WeCom).as_deref(), Some(expected));
        let feishu = body(NoticeFormat::Feishu, r#"<at user_id="all">"#).unwrap();
        assert_eq!(
            feishu["content"]["text"],
            "\u{ff1c}at user_id=\"all\"\u{ff1e}"
        );
        assert_eq!(feishu["msg_type"], "text");
        let teams = body(NoticeFormat::Teams, "[x](y)\nz").unwrap();
        let block = &teams["attachments"][0]["content"]["body"][0];
        assert_eq!(block["text"], "\\[x\\]\\(y\\)\n\nz");
    }

    #[test]
    fn a_chat_is_at_home_on_its_own_hosts_only() {
        let home = |host: &str| is_home(NoticeFormat::Teams, host);
        assert!(home("powerplatform.com") && home("a.b.powerplatform.com"));
        assert!(!home("notpowerplatform.com") && !home("powerplatform.com.example.com"));
        assert!(!is_home(NoticeFormat::Slack, "oapi.dingtalk.com"));
        assert!(!is_home(NoticeFormat::CloudEvents, "hooks.slack.com"));
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let cut = body(NoticeFormat::WeCom, &"\u{53d8}".repeat(1_000)).unwrap();
        let text = cut["text"]["content"].as_str().unwrap();
        assert_eq!((text.len(), text.chars().count()), (1_998, 666));
    }

    #[test]
    fn success_with_a_code_is_a_refusal() {
        let told = |format, answer: &str| refusal(format, answer.as_bytes());
        let limited = r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#;
        let expected = "the chat answered 45009: api freq out of limit";
        assert_eq!(
            told(NoticeFormat::WeCom, limited).as_deref(),
            Some(expected)
        );
        assert_eq!(
            told(NoticeFormat::DingTalk, r#"{"errcode":0,"errmsg":"ok"}"#),
            None
        );
        let feishu = r#"{"code":19001,"msg":"param invalid"}"#;
        assert!(told(NoticeFormat::Feishu, feishu).is_some());
        assert_eq!(
            told(NoticeFormat::Feishu, r#"{"StatusCode":0,"code":0}"#),
            None
        );
        assert_eq!(told(NoticeFormat::Slack, "ok"), None);
        assert_eq!(told(NoticeFormat::CloudEvents, limited), None);
        assert_eq!(told(NoticeFormat::WeCom, "not JSON"), None);
    }
}
