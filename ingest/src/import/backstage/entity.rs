//! One entity of a catalog, and how entities refer to each other.

use std::fmt;

use serde_json::Value;

use crate::webhook::Repository;

/// Kinds that become items.
const KINDS: [&str; 7] = [
    "component",
    "api",
    "resource",
    "system",
    "domain",
    "group",
    "user",
];

/// `kind:namespace/name`, in lower case where the catalog ignores case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.kind, self.namespace, self.name)
    }
}

impl Reference {
    /// Reads `[kind:][namespace/]name`; what is missing is as stated.
    fn read(text: &str, kind: &str, namespace: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':').unwrap_or((kind, text));
        let (namespace, name) = rest.split_once('/').unwrap_or((namespace, rest));
        if name.is_empty() || kind.is_empty() || namespace.is_empty() {
            return None;
        }
        Some(Self {
            kind: kind.to_lowercase(),
            namespace: namespace.to_lowercase(),
            name: name.to_owned(),
        })
    }
}

/// One entity.
pub(super) struct Entity<'v> {
    pub(super) value: &'v Value,
    /// Its kind as it is written.
    pub(super) kind: &'v str,
    pub(super) reference: Reference,
}

impl<'v> Entity<'v> {
    /// Reads an entity; `None` if its kind says nothing here, an error with field and reason if it is none.
    pub(super) fn read(value: &'v Value) -> Result<Option<Self>, (&'static str, &'static str)> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
        let kind = text("/kind").ok_or(("kind", "is missing: this is no entity of a catalog"))?;
        let name = text("/metadata/name").filter(|name| !name.is_empty());
        let name = name.ok_or(("metadata.name", "is missing"))?;
        if !KINDS.contains(&kind.to_lowercase().as_str()) {
            return Ok(None);
        }
        let namespace = text("/metadata/namespace").unwrap_or("default");
        Ok(Some(Self {
            value,
            kind,
            reference: Reference {
                kind: kind.to_lowercase(),
                namespace: namespace.to_lowercase(),
                name: name.to_owned(),
            },
        }))
    }

    pub(super) fn text(&self, pointer: &str) -> Option<&'v str> {
        let text = self.value.pointer(pointer)?.as_str()?;
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&'v str> {
        self.value
            .pointer("/metadata/annotations")?
            .get(name)?
            .as_str()
    }

    /// Where its code lies, by the annotations of the forges or by where the file itself was read.
    pub(super) fn repository(&self) -> Option<Repository> {
        let slug = |annotation: &str, host: &str| {
            let slug = self.annotation(annotation)?;
            Repository::at(&format!("https://{host}/{slug}"))
        };
        let gitlab = self
            .annotation("gitlab.com/instance")
            .unwrap_or("gitlab.com");
        slug("github.com/project-slug", "github.com")
            .or_else(|| slug("gitlab.com/project-slug", gitlab))
            .or_else(|| {
                let location = self.annotation("backstage.io/source-location")?;
                Repository::of_tree(location.strip_prefix("url:")?)
            })
    }

    /// The name of the team that answers for it; another namespace stays visible.
    pub(super) fn owner(&self) -> Option<String> {
        let owner = Reference::read(self.text("/spec/owner")?, "group", "default")?;
        Some(match owner.namespace.as_str() {
            "default" => owner.name,
            namespace => format!("{namespace}/{}", owner.name),
        })
    }

    /// The entities that a field of `spec` names.
    pub(super) fn references(&self, field: &str, kind: &str) -> Vec<Reference> {
        let stated = self.value.get("spec").and_then(|spec| spec.get(field));
        let named = super::named(stated).into_iter();
        named
            .filter_map(|text| Reference::read(text, kind, &self.reference.namespace))
            .collect()
    }
}
