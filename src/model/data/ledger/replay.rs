//! Replays the events between a person and a client to find the fate of each scope.

use super::standing::{Fate, is_consent, is_good};
use crate::consent::{Kind, Reach, Row};
use crate::model::data::interner::{Names, Number, Scopes};
use crate::model::data::{RowRef, Rows};

/// Replays the events of a pair in the order of time, with the `broad` revocations that may reach them.
///
/// Returns the fates of each event's scopes, and the number of events replayed. Events that are not successful consents
/// have no fates.
pub(super) fn replay(
    rows: &Rows,
    (servers, scopes): (&mut Names, &mut Scopes),
    events: &[RowRef],
    broad: Vec<RowRef>,
) -> (Vec<Vec<Fate>>, usize) {
    let mut fates: Vec<Vec<Fate>> = vec![Vec::new(); events.len()];
    let mut played: Vec<(RowRef, Option<usize>)> =
        events.iter().enumerate().map(|(index, at)| (*at, Some(index))).collect();
    played.extend(broad.into_iter().map(|at| (at, None)));
    played.sort_by_key(|(at, _)| rows.key(*at));
    let mut open: Vec<Grant> = Vec::new();
    let count = played.len();
    for (at, index) in played {
        let row = rows.get(at);
        if !is_good(&row) {
            continue;
        }
        let server = servers.number(row.org, row.server, rows.symbols());
        let marks = rows.grant_marks(at);
        let listed = scopes.list(row.org, row.scopes, rows.symbols());
        let named: Vec<(Number, u32)> = listed
            .iter()
            .enumerate()
            .map(|(index, scope)| (*scope, marks.get(index).copied().unwrap_or(0)))
            .collect();
        match (index, is_consent(&row)) {
            (Some(index), true) => {
                fates[index] = vec![Fate::Open; named.len()];
                for (place, (scope, mark)) in named.into_iter().enumerate() {
                    let new = Grant { kind: row.kind, server, scope, mark, of: (index, place) };
                    let same = |grant: &Grant| {
                        (grant.kind, grant.server, grant.scope) == (new.kind, new.server, new.scope)
                    };
                    if let Some(old) = open.iter_mut().find(|grant| same(grant)) {
                        fates[old.of.0][old.of.1] = Fate::Replaced(at);
                        *old = new;
                    } else {
                        open.push(new);
                    }
                }
            }
            (index, false) => open.retain(|grant| {
                // A broad revocation was found by its target, and this grant may not be part of that target.
                let is_reached = match row.reach {
                    _ if index.is_some() => true,
                    Reach::ServerGone => server == grant.server,
                    Reach::ScopeGone => named.iter().any(|(scope, _)| *scope == grant.scope),
                    _ => true,
                };
                let is_ended = is_reached && ends(&row, server, &named, grant);
                if is_ended {
                    fates[grant.of.0][grant.of.1] = Fate::Revoked(at);
                }
                !is_ended
            }),
            (None, true) => {}
        }
    }
    (fates, count)
}

/// A scope grant that is in force at the current point of the replay.
struct Grant {
    kind: Kind,
    server: Number,
    scope: Number,
    mark: u32,
    /// The index of the event, and of the scope in it.
    of: (usize, usize),
}

/// Returns whether a revocation ends a grant that it can reach: a grant that it names, or any if its type says so.
fn ends(row: &Row, server: Number, named: &[(Number, u32)], grant: &Grant) -> bool {
    let is_of_kind = match row.kind {
        Kind::Revoke => grant.kind == Kind::Grant,
        Kind::AdminRevoke => grant.kind == Kind::AdminGrant,
        _ => false,
    };
    let is_at_server = server == 0 || grant.server == 0 || server == grant.server;
    let is_named = named.iter().any(|(scope, mark)| {
        // A grant's id is exact. Without an id, the scope's name decides.
        if *mark != 0 && grant.mark != 0 {
            *mark == grant.mark
        } else {
            is_at_server && *scope == grant.scope
        }
    });
    let reaches_all = match row.reach {
        Reach::Named => false,
        Reach::ScopeGone => is_at_server && named.iter().any(|(scope, _)| *scope == grant.scope),
        Reach::ServerGone => server != 0 && server == grant.server,
        _ => named.is_empty(),
    };
    is_of_kind && (is_named || reaches_all)
}
