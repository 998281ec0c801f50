//! What a naming scheme is worth: the one table of identity rules.
//!
//! A scheme that is not listed is believed as a source states it. Kinds need no
//! rows of their own, because the schemes of one kind are not those of another:
//! a pod is named by its cluster's uid, a process by its host and its number. Who changes a
//! row raises the version of the [estate](crate::Estate), so that saved ones are made again.

/// Keys that one name may bind together; a name that more of them share says nothing about which item it is.
pub(crate) const SHARED_MAX: usize = 32;

/// How far a name is believed. The order is that in which names decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// Given once to one thing and never again; a thing has one at a time.
    Unique,
    /// As good as the source that states it.
    Stated,
    /// Given to things by people and given again: it binds only what no unique name keeps apart.
    Weak,
    /// Names a thing only together with a time.
    Timed,
    /// Names a thing only inside another one: by itself it names nothing.
    Inside,
}

/// Schemes whose worth is not [`Worth::Stated`].
const RULES: [(&str, Worth); 24] = [
    ("host.id", Worth::Unique),
    ("machine.id", Worth::Unique),
    ("system.uuid", Worth::Unique),
    ("cloud.instance.id", Worth::Unique),
    ("serial", Worth::Unique),
    ("asset", Worth::Unique),
    ("container.id", Worth::Unique),
    ("hostname", Worth::Weak),
    ("host.name", Worth::Weak),
    ("fqdn", Worth::Weak),
    ("dns", Worth::Weak),
    ("name", Worth::Weak),
    ("ip", Worth::Timed),
    ("ipv4", Worth::Timed),
    ("ipv6", Worth::Timed),
    ("address", Worth::Timed),
    ("service.instance.id", Worth::Weak),
    ("process.pid", Worth::Inside),
    ("process.parent_pid", Worth::Inside),
    ("process.executable.name", Worth::Inside),
    ("process.executable.path", Worth::Inside),
    ("process.command", Worth::Inside),
    ("container.name", Worth::Inside),
    ("k8s.container.name", Worth::Inside),
];

/// What a scheme is worth.
pub(crate) fn worth(scheme: &str) -> Worth {
    let row = RULES.iter().find(|(listed, _)| *listed == scheme);
    row.map_or(Worth::Stated, |(_, worth)| *worth)
}
