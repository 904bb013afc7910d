//! What the event says.

use weir_event::{Kind, Reason, limits};

use super::delivery::Delivery;
use super::draft::Draft;
use crate::decode::{Action, Checked};
use crate::text::has_control;

pub(super) fn drop_invalid_text(delivery: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    if has_control(&draft.sent.referrer) || has_control(&delivery.client.user_agent) {
        return Err(Reason::InvalidText);
    }
    Ok(())
}

/// Only custom events have a name.
pub(super) fn drop_invalid_name(_: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    if !matches!(draft.sent.action, Action::Custom { .. }) {
        return Ok(());
    }
    let name = draft.sent.name.trim();
    if !(1..=limits::EVENT_NAME_BYTES_MAX).contains(&name.len()) || has_control(name) {
        return Err(Reason::InvalidName);
    }
    draft.event.name = name.to_owned();
    Ok(())
}

pub(super) fn drop_invalid_props(_: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    if draft.sent.action == Action::Engagement {
        return Ok(());
    }
    match std::mem::take(&mut draft.sent.props) {
        Checked::Bad => Err(Reason::InvalidProps),
        Checked::Absent => Ok(()),
        Checked::Good(props) => {
            draft.event.props = props;
            Ok(())
        }
    }
}

/// Only custom events earn something.
pub(super) fn drop_invalid_amount(_: &mut Delivery<'_>, draft: &mut Draft<'_>) -> Result<(), Reason> {
    if !matches!(draft.sent.action, Action::Custom { .. }) {
        return Ok(());
    }
    draft.event.amount = match draft.sent.revenue {
        Checked::Bad => return Err(Reason::InvalidAmount),
        Checked::Absent => None,
        Checked::Good(amount) => Some(amount),
    };
    Ok(())
}

pub(super) fn put_kind(_: &mut Delivery<'_>, draft: &mut Draft<'_>) {
    draft.event.kind = match draft.sent.action {
        Action::PageView => Kind::PageView,
        Action::Custom { interactive: true } => Kind::Custom,
        Action::Custom { interactive: false } => Kind::Passive,
        Action::Engagement => Kind::Engagement,
    };
    draft.event.engaged_ms = draft.sent.engaged_ms;
}
