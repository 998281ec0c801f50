//! GraphQL, the page and live subscriptions over one immutable view per request. It never reads the log.
