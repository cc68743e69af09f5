//! Returns whether a whole consent passes a filter.

use crate::consent::{Consent, Orgs, Seq, Untrusted};
use crate::model::{Deep, Query};

/// Returns whether a whole consent passes a filter. `orgs` are those that its label is one of.
pub(super) fn matches(filter: &Query, orgs: &Orgs, seq: Seq, consent: &Consent, mark: Option<&str>) -> bool {
    let (row, symbols) = consent.row(seq);
    let label = consent.org.as_deref().unwrap_or_default();
    let org = [label, orgs.host_of(label).unwrap_or_default()];
    with_deep(consent, |deep| filter.holds(&row, &symbols, Some(&Deep { mark, org, ..*deep })))
}

/// Returns one bit for each condition of the filter on fields that the list does not hold, set if the consent meets it.
pub(super) fn deep_bits(filter: &Query, consent: &Consent) -> u64 {
    with_deep(consent, |deep| filter.deep_bits(deep))
}

fn with_deep<T>(consent: &Consent, look: impl FnOnce(&Deep<'_>) -> T) -> T {
    let text = |text: &Option<Untrusted>| text.as_ref().map_or(String::new(), |t| t.exact().to_owned());
    let (uuid, txn, session) =
        (text(&consent.uuid), text(&consent.transaction_id), text(&consent.session_id));
    let (agent, message) = (text(&consent.from.user_agent), text(&consent.message));
    look(&Deep {
        uuid: &uuid,
        txn: &txn,
        session: &session,
        agent: &agent,
        message: &message,
        ..Deep::default()
    })
}
