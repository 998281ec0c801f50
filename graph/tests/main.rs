//! Everything that is asked of the crate from outside, in one program: each is linked with all of the crate's own.

mod archive;
mod blast;
mod calendar;
mod change_lists;
mod change_scopes;
mod changes;
mod diff;
mod estate;
mod folding;
mod groups;
mod identity;
mod incident_groups;
mod items;
mod kinds;
mod layout;
mod lists;
mod measures;
mod nearby;
mod risk;
mod selection;
mod sight;
mod similar;
mod structure;
mod subscriptions;
mod timeline;
mod tokens;
