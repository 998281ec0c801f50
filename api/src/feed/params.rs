//! What the address of a feed says: `item`, `environment`, `from` and `to`.

use model::Timestamp;

const DAY_NANOS: i64 = 86_400_000_000_000;
/// What is shown when nobody says.
const DAYS_BACK: i64 = 30;
const DAYS_AHEAD: i64 = 180;
/// The longest time that is shown.
const DAYS_MAX: i64 = 2 * 366;

/// What was asked for.
#[derive(Debug)]
pub(super) struct Params {
    pub(super) item: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) today: Timestamp,
}

/// What is wrong with it, in words for the client.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

impl Params {
    pub(super) fn read(query: &str, now: Timestamp) -> Result<Self, Wrong> {
        let day = now.unix_nanos().div_euclid(DAY_NANOS);
        let at = |day: i64| Timestamp::from_unix_nanos(day.saturating_mul(DAY_NANOS));
        let mut params = Self {
            item: None,
            environment: None,
            from: at(day - DAYS_BACK),
            to: at(day + DAYS_AHEAD),
            today: at(day),
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| Wrong(format!("{name} is not UTF-8")))?;
            let time = |value: &str| {
                let read = value.parse::<Timestamp>();
                read.map_err(|_| Wrong(format!("{name} is no moment in RFC 3339")))
            };
            match name {
                "item" => params.item = Some(value),
                "environment" => params.environment = Some(value),
                "from" => params.from = time(&value)?,
                "to" => params.to = time(&value)?,
                _ => {
                    return Err(Wrong(format!(
                        "{name} is not known; item, environment, from and to are"
                    )));
                }
            }
        }
        let longest = DAYS_MAX * DAY_NANOS;
        let length = params
            .to
            .unix_nanos()
            .saturating_sub(params.from.unix_nanos());
        match 0 < length && length <= longest {
            true => Ok(params),
            false => Err(Wrong(format!(
                "to lies after from, by {DAYS_MAX} days at most"
            ))),
        }
    }
}

/// A value of a query, its escapes undone.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?.to_owned();
                bytes.push(u8::from_str_radix(&digits, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Wrong> {
        Params::read(query, "2026-11-20T12:34:56Z".parse().unwrap())
    }

    #[test]
    fn without_a_word_it_is_the_time_around_today() {
        let params = read("").unwrap();
        let told = (params.from.to_string(), params.to.to_string());
        let around = (
            "2026-10-21T00:00:00Z".to_owned(),
            "2027-05-19T00:00:00Z".to_owned(),
        );
        assert_eq!(told, around);
    }

    #[test]
    fn names_and_times_are_read_and_faults_are_told() {
        let params =
            read("item=service%3Aprod%2Fa+b&environment=prod&from=2026-01-01T00:00:00Z").unwrap();
        assert_eq!(params.item.as_deref(), Some("service:prod/a b"));
        assert_eq!(
            read("items=a").unwrap_err().0,
            "items is not known; item, environment, from and to are"
        );
        assert_eq!(
            read("from=now").unwrap_err().0,
            "from is no moment in RFC 3339"
        );
        assert_eq!(read("item=%ff").unwrap_err().0, "item is not UTF-8");
        assert_eq!(read("item=%f").unwrap_err().0, "item is not UTF-8");
        assert_eq!(
            read("to=2026-01-01T00:00:00Z").unwrap_err().0,
            "to lies after from, by 732 days at most"
        );
    }
}
