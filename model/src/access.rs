//! Who may do what: scopes, and tokens as the log knows them. No secret is here: an event holds the hash of one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{Event, Sight, Timestamp, TokenId};

/// One thing that somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Ask.
    Read,
    /// Say what was observed or done, as a source does.
    Ingest,
    /// Decide: incidents, judgements, identity, the calendar, definitions, subscriptions. It includes asking.
    Operate,
    /// Say who may do what, and whose word is void. It includes everything.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Ingest, Self::Operate, Self::Admin];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// Whether somebody with this scope may do what `wanted` is for.
    pub const fn includes(self, wanted: Self) -> bool {
        match (self, wanted) {
            (Self::Admin, _)
            | (Self::Operate, Self::Operate | Self::Read)
            | (Self::Ingest, Self::Ingest)
            | (Self::Read, Self::Read) => true,
            (Self::Operate | Self::Ingest | Self::Read, _) => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Several scopes, each once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Scope>")]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Whether one of them includes what is wanted.
    pub fn include(&self, wanted: Scope) -> bool {
        self.0.iter().any(|scope| scope.includes(wanted))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl From<Vec<Scope>> for Scopes {
    fn from(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }
}

/// SHA-256 of a token's secret. The secret has 256 random bits, so nobody finds it from the hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

/// The text is not the hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a hash of 64 hex digits")]
pub struct TokenHashError;

impl TokenHash {
    /// A hash from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(lower_hex) {
            return Err(TokenHashError);
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = text.get(2 * at..2 * at + 2).ok_or(TokenHashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| TokenHashError)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Who sends a request, as far as that was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Somebody on this machine, where the server listens to nobody else and asks for nothing.
    House,
    /// The holder of a token that counts.
    Holder {
        /// Which token.
        token: TokenId,
        /// What it is for.
        scopes: Scopes,
        /// The parts of the estate that it shows; all of it where there are none.
        sights: Option<Arc<[Sight]>>,
    },
    /// Somebody whom the configuration knows, or an issuer of it.
    Vouched(Arc<Vouched>),
    /// Somebody with a credential that is not known, or no longer counts.
    Stranger,
    /// Somebody without any.
    #[default]
    Nobody,
}

/// Who somebody is without a token of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// What they are called, with who says so before it: `certificate:collector`.
    pub name: String,
    /// What they may do.
    pub scopes: Scopes,
    /// The parts of the estate that they may see; all of it where there are none.
    pub sights: Option<Arc<[Sight]>>,
    /// The first moment at which that no longer counts, where there is one.
    pub until: Option<Timestamp>,
}

/// Why somebody may not do something. It tells nothing of tokens that are not the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Barred {
    /// There is no credential.
    #[error("this needs a credential; send `Authorization: Bearer` with a token")]
    NoCredential,
    /// There is one, and it does not count. Whether it never did, expired or was revoked is not told.
    #[error("the credential does not count here")]
    BadCredential,
    /// It counts, and is not for this.
    #[error("this needs the scope `{0}`, which the token does not have")]
    Lacks(Scope),
    /// It counts, and shows a part of the estate only, which this could not keep to.
    #[error("this is not for tokens of limited sight")]
    Limited,
}

impl Caller {
    /// Whether they may do what a scope is for.
    ///
    /// Whoever sees a part only may do nothing but ask: by a statement everything could be made a part of that.
    pub fn may(&self, wanted: Scope) -> Result<(), Barred> {
        if self.sights().is_some() && wanted != Scope::Read {
            return Err(Barred::Limited);
        }
        match self {
            Self::House => Ok(()),
            Self::Holder { scopes, .. } if scopes.include(wanted) => Ok(()),
            Self::Vouched(who) if who.scopes.include(wanted) => Ok(()),
            Self::Holder { .. } | Self::Vouched(_) => Err(Barred::Lacks(wanted)),
            Self::Stranger => Err(Barred::BadCredential),
            Self::Nobody => Err(Barred::NoCredential),
        }
    }

    /// The same for what shows the whole estate.
    pub fn may_on_all(&self, wanted: Scope) -> Result<(), Barred> {
        self.may(wanted)?;
        match self.sights() {
            None => Ok(()),
            Some(_) => Err(Barred::Limited),
        }
    }

    /// The parts of the estate they may see, of which one has to show a thing; all of it where there are none.
    pub fn sights(&self) -> Option<&Arc<[Sight]>> {
        match self {
            Self::Holder { sights, .. } => sights.as_ref(),
            Self::Vouched(who) => who.sights.as_ref(),
            Self::House | Self::Stranger | Self::Nobody => None,
        }
    }

    /// Whether it is known who they are, whatever they may do.
    pub const fn known(&self) -> Result<(), Barred> {
        match self {
            Self::House | Self::Holder { .. } | Self::Vouched(_) => Ok(()),
            Self::Stranger => Err(Barred::BadCredential),
            Self::Nobody => Err(Barred::NoCredential),
        }
    }

    /// What they are called where it is written down who asked what; nothing where nobody said who they are.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Holder { token, .. } => Some(token.to_string()),
            Self::Vouched(who) => Some(who.name.clone()),
            Self::House | Self::Stranger | Self::Nobody => None,
        }
    }

    /// Their token.
    pub const fn token(&self) -> Option<TokenId> {
        match self {
            Self::Holder { token, .. } => Some(*token),
            Self::House | Self::Vouched(_) | Self::Stranger | Self::Nobody => None,
        }
    }
}

impl Event {
    /// The scope of whoever may say so.
    pub const fn scope(&self) -> Scope {
        match self {
            Self::ItemObserved(_)
            | Self::ItemRetired(_)
            | Self::RelationObserved(_)
            | Self::RelationEnded(_)
            | Self::CallsObserved(_)
            | Self::ChangeRecorded(_)
            | Self::IncidentOpened(_)
            | Self::IncidentUpdated(_)
            | Self::ItemDeviated(_)
            | Self::RelationDeviated(_)
            | Self::ObservationGap(_)
            | Self::InputQuarantined(_)
            | Self::SourceListed(_)
            | Self::RiskScored(_) => Scope::Ingest,
            Self::CauseJudged(_)
            | Self::IncidentsJudged(_)
            | Self::ItemsMerged(_)
            | Self::ItemSplit(_)
            | Self::IdentityReverted(_)
            | Self::KindDefined(_)
            | Self::KindWithdrawn(_)
            | Self::RelationKindDefined(_)
            | Self::RelationKindWithdrawn(_)
            | Self::GroupDefined(_)
            | Self::GroupWithdrawn(_)
            | Self::CalendarRuleDeclared(_)
            | Self::CalendarRuleWithdrawn(_)
            | Self::ExemptionGranted(_)
            | Self::ExemptionWithdrawn(_)
            | Self::PlatformRegistered(_)
            | Self::PlatformWithdrawn(_)
            | Self::SceneRegistered(_)
            | Self::SceneWithdrawn(_)
            | Self::LevelDefined(_)
            | Self::LevelWithdrawn(_)
            | Self::RiskRuleDeclared(_)
            | Self::RiskRuleWithdrawn(_)
            | Self::CheckJudged(_)
            | Self::SubscriptionDeclared(_)
            | Self::SubscriptionWithdrawn(_)
            | Self::SubscriptionDisabled(_) => Scope::Operate,
            Self::SourceRetracted(_)
            | Self::SourceRestored(_)
            | Self::TokenCreated(_)
            | Self::TokenRevoked(_)
            | Self::PersonForgotten(_)
            | Self::QuestionsAsked(_) => Scope::Admin,
        }
    }
}

/// How much somebody may ask of the server in a minute; what is missing is not bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Most requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Most events, spans and records that they send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_per_minute: Option<u32>,
}

/// `token.created`: whoever holds a secret may do this until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenCreated {
    /// What it is called in the log and in lists.
    pub id: TokenId,
    /// A line for people: who uses it.
    pub name: String,
    /// What its holder may do.
    pub scopes: Scopes,
    /// The hash of its secret.
    pub hash: TokenHash,
    /// The first moment at which it no longer counts.
    pub expires_at: Timestamp,
    /// The token by which it was made; none where the server asked for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<TokenId>,
    /// Who made it without a token of ours: `certificate:NAME` or `ISSUER#SUBJECT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by_name: Option<String>,
    /// How much its holder may ask of the server; as the configuration has it when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// The part of the estate that its holder may see; all of it when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sight: Option<Sight>,
}

/// `token.revoked`: it counts no longer. Nothing brings it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRevoked {
    /// Which token.
    pub id: TokenId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The token by which it was revoked; none where the server asked for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<TokenId>,
    /// Who revoked it without a token of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_what_it_says_and_no_more() {
        let included = |scope: Scope| {
            let each = Scope::ALL.into_iter();
            let names = each.filter(|wanted| scope.includes(*wanted));
            names.map(Scope::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(included(Scope::Read), "read");
        assert_eq!(included(Scope::Ingest), "ingest");
        assert_eq!(included(Scope::Operate), "read operate");
        assert_eq!(included(Scope::Admin), "read ingest operate admin");
        assert!(!Scopes::default().include(Scope::Read));
    }

    #[test]
    fn a_stranger_and_nobody_hear_no_scope_and_a_holder_hears_the_one_that_is_missing() {
        let holder = Caller::Holder {
            token: TokenId::from_bytes([1; 16]),
            scopes: Scopes::from(vec![Scope::Read]),
            sights: None,
        };
        assert_eq!(holder.may(Scope::Read), Ok(()));
        assert_eq!(
            holder.may(Scope::Operate),
            Err(Barred::Lacks(Scope::Operate))
        );
        assert_eq!(Caller::House.may(Scope::Admin), Ok(()));
        for wanted in Scope::ALL {
            assert_eq!(Caller::Stranger.may(wanted), Err(Barred::BadCredential));
            assert_eq!(Caller::default().may(wanted), Err(Barred::NoCredential));
        }
    }

    #[test]
    fn who_sees_a_part_only_may_do_nothing_but_ask_whatever_their_scopes() {
        let limited = Caller::Holder {
            token: TokenId::from_bytes([1; 16]),
            scopes: Scopes::from(Scope::ALL.to_vec()),
            sights: Some(Arc::from([Sight::default()])),
        };
        for wanted in Scope::ALL {
            let may = limited.may(wanted);
            assert_eq!(may.is_ok(), wanted == Scope::Read);
            assert_eq!(limited.may_on_all(wanted), Err(Barred::Limited));
        }
    }

    #[test]
    fn a_hash_reads_back_and_nothing_else_is_one() {
        let hash = TokenHash::from_bytes([0xa5; 32]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        let upper = hash.to_string().to_uppercase();
        for wrong in ["", "a5", &upper, &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(wrong.parse::<TokenHash>(), Err(TokenHashError), "{wrong}");
        }
    }
}
