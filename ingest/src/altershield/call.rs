//! Which call of the open API a body belongs to.

use crate::said::Said;

/// The calls that tell something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// G0: what has been done, in one body.
    Event,
    /// An order is submitted; nothing has begun.
    Submitted,
    /// An order, or the only node of a change of level G1, begins.
    Started,
    /// A batch begins.
    BatchStarted,
    /// A node, of an order or of a batch, is through.
    NodeFinished,
    /// The order is through.
    OrderFinished,
}

impl Call {
    /// The call by the fields that only it has; `None` for a heartbeat, which speaks of no order.
    pub(super) fn of(said: Said<'_>) -> Result<Option<Self>, &'static str> {
        let has = |field| said.value(field).is_some();
        if !has("/bizExecOrderId") {
            let is_heartbeat =
                said.0.is_object() && !has("/changeTitle") && !has("/changeSceneKey");
            return match is_heartbeat {
                true => Ok(None),
                false => Err("it names no order by bizExecOrderId"),
            };
        }
        let call = if has("/finishState") {
            Self::OrderFinished
        } else if has("/batchNo") {
            Self::BatchStarted
        } else if has("/nodeExecId") {
            Self::NodeFinished
        } else if has("/finishTime") {
            Self::Event
        } else if has("/executor") || has("/startTime") {
            Self::Started
        } else if has("/changeTitle") {
            Self::Submitted
        } else {
            return Err("it belongs to no call that is known here");
        };
        Ok(Some(call))
    }
}
