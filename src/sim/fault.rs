//! Faults of the simulated org, which can be switched on by name.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// A way in which the simulated org misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SimFault {
    /// 401 `E0000011`: the token is dead or unknown.
    Unauthorized,
    /// 403 `E0000006`: the token's role is too small.
    Forbidden,
    /// 403 without a body; `WWW-Authenticate` names the missing scope.
    ForbiddenEmpty,
    /// 429 `E0000047` with a limit, nothing remaining, and a reset ten seconds ahead.
    Rate429,
    /// 429 `E0000047` with zeros for limit and remainder: too many concurrent requests.
    Concurrency429,
    /// 500 `E0000009`.
    Server500,
    /// 502 with a gateway's HTML.
    Gateway502,
    /// The connection closes in the middle of the body.
    CutBody,
    /// The body is sent slowly, over two seconds.
    SlowBody,
    /// Records that are not LogEvents stand between good ones.
    BadRecord,
    /// A page begins with the last record of the page before.
    Duplicates,
    /// The records of a page come in any order.
    OutOfOrder,
    /// Every cursor is refused with 400 `E0000001`.
    ExpiredCursor,
    /// The `next` link leads to another host.
    ForeignNext,
    /// The `next` link leads to `/api/v1/users` of the same host.
    NextUsers,
    /// The `next` link leads to `/`.
    NextRoot,
    /// The `next` link is empty.
    NextEmpty,
    /// The `next` link asks for other events.
    NextFilter,
    /// The `next` link has no cursor.
    NextWithoutAfter,
    /// The `next` link of a page that was asked for with a cursor leads to the same page.
    SamePage,
    /// No page holds more than `CAP` records, whatever limit was asked for.
    CappedPages,
    /// The headers of the rate limit are missing.
    NoRateHeaders,
    /// The headers of the rate limit have impossible values.
    AbsurdRateHeaders,
    /// This status with an Okta error code: 53 is `E0000053`. With 0 the answer has no body.
    Status(u16, u32),
    /// The org's clock, as `Date` and the rate limit's reset show it, is ten minutes ahead.
    ClockSkew,
    /// The same clock is ten minutes behind.
    ClockBehind,
    /// Every path answers 302 and leads to another host.
    Redirect,
    /// Every path answers 200 with HTML that is not Okta's.
    NotOkta,
    /// Every path answers 200 with the sign-in page of a proxy.
    LoginPage,
    /// Every access token issued so far expires at once. New ones can be requested. It happens once: when the fault is
    /// switched on, or at the next answer of the System Log.
    TokenExpired,
    /// The token endpoint answers 500 `E0000009`.
    TokenEndpointDown,
    /// A token gets only the first of the granted scopes.
    NarrowedScope,
    /// A good DPoP nonce is refused once, and a new one is sent.
    BadNonce,
    /// Every DPoP nonce is refused, and a new one is sent each time.
    NonceLoop,
    /// The token endpoint refuses the service app as inactive. Tokens already issued stay valid.
    AppDeactivated,
    /// The token endpoint refuses with 403 `access_denied`: the request came from outside the app's network zones.
    ZoneDenied,
}

/// What [`SimFault::CappedPages`] leaves of a page.
pub(super) const CAP: usize = 100;

/// A fault that occurs in some answers only. Answers are counted from 1, separately for the System Log, the token
/// endpoint and all other paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spell {
    /// The fault.
    pub fault: SimFault,
    /// The answers that it occurs in.
    pub answers: RangeInclusive<usize>,
}

impl Spell {
    /// Parses a fault's word, alone or with answers: `server_500`, `server_500@3` for the third answer and all later
    /// ones, `server_500@3-5`. `token_expired` occurs in one answer unless an end is given, since it takes effect at
    /// once.
    pub fn from_words(text: &str) -> Option<Self> {
        let (word, answers) =
            text.split_once('@').map_or((text, None), |(word, answers)| (word, Some(answers)));
        let fault = SimFault::from_word(word)?;
        let open_end = |from| if fault == SimFault::TokenExpired { from } else { usize::MAX };
        let (from, to) = match answers {
            None => (1, open_end(1)),
            Some(answers) => match answers.split_once('-') {
                None => {
                    let from = answers.parse().ok()?;
                    (from, open_end(from))
                }
                Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
            },
        };
        (1 <= from && from <= to).then_some(Self { fault, answers: from..=to })
    }
}

impl SimFault {
    /// Every fault with its word.
    const ALL: [(Self, &'static str); 35] = [
        (Self::Unauthorized, "unauthorized"),
        (Self::Forbidden, "forbidden"),
        (Self::ForbiddenEmpty, "forbidden_empty"),
        (Self::Rate429, "rate_429"),
        (Self::Concurrency429, "concurrency_429"),
        (Self::Server500, "server_500"),
        (Self::Gateway502, "gateway_502"),
        (Self::CutBody, "cut_body"),
        (Self::SlowBody, "slow_body"),
        (Self::BadRecord, "bad_record"),
        (Self::Duplicates, "duplicates"),
        (Self::OutOfOrder, "out_of_order"),
        (Self::ExpiredCursor, "expired_cursor"),
        (Self::ForeignNext, "foreign_next"),
        (Self::NextUsers, "next_users"),
        (Self::NextRoot, "next_root"),
        (Self::NextEmpty, "next_empty"),
        (Self::NextFilter, "next_filter"),
        (Self::NextWithoutAfter, "next_without_after"),
        (Self::SamePage, "same_page"),
        (Self::CappedPages, "capped_pages"),
        (Self::NoRateHeaders, "no_rate_headers"),
        (Self::AbsurdRateHeaders, "absurd_rate_headers"),
        (Self::ClockSkew, "clock_skew"),
        (Self::ClockBehind, "clock_behind"),
        (Self::Redirect, "redirect"),
        (Self::NotOkta, "not_okta"),
        (Self::LoginPage, "login_page"),
        (Self::TokenExpired, "token_expired"),
        (Self::TokenEndpointDown, "token_endpoint_down"),
        (Self::NarrowedScope, "narrowed_scope"),
        (Self::BadNonce, "bad_nonce"),
        (Self::NonceLoop, "nonce_loop"),
        (Self::AppDeactivated, "app_deactivated"),
        (Self::ZoneDenied, "zone_denied"),
    ];

    /// The words of all faults except [`SimFault::Status`], for the help of the command line.
    pub const WORDS: [&'static str; 35] = {
        let mut words = [""; 35];
        let mut at = 0;
        while at < words.len() {
            words[at] = Self::ALL[at].1;
            at += 1;
        }
        words
    };

    /// Returns the fault that a word names. Any error status is named as `status_404` or `status_400_E0000053`.
    pub fn from_word(word: &str) -> Option<Self> {
        if let Some(numbers) = word.strip_prefix("status_") {
            let (status, code) = match numbers.split_once("_E") {
                None => (numbers, 0),
                Some((status, code)) if code.len() == 7 => (status, code.parse().ok()?),
                Some(_) => return None,
            };
            let status = status.parse().ok().filter(|status| (300..600).contains(status))?;
            return Some(Self::Status(status, code));
        }
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(fault, _)| *fault)
    }

    /// Returns the word that the command line uses.
    pub fn word(self) -> Cow<'static, str> {
        match self {
            Self::Status(status, 0) => format!("status_{status}").into(),
            Self::Status(status, code) => format!("status_{status}_E{code:07}").into(),
            _ => Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, word)| *word).into(),
        }
    }

    /// Returns whether the fault replaces the whole answer, for every resource and not only the System Log.
    pub(super) fn refuses(self) -> bool {
        matches!(
            self,
            Self::Unauthorized
                | Self::Forbidden
                | Self::ForbiddenEmpty
                | Self::Rate429
                | Self::Concurrency429
                | Self::Server500
                | Self::Gateway502
                | Self::Status(..)
        )
    }
}

/// The kind of path that a request goes to. Faults occur by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The System Log.
    Log,
    /// The token endpoint.
    Token,
    /// Any other path.
    Other,
}

impl SimFault {
    /// Returns whether the fault can occur for this kind of path.
    fn shows(self, place: Place) -> bool {
        let at_token = matches!(
            self,
            Self::TokenEndpointDown
                | Self::NarrowedScope
                | Self::BadNonce
                | Self::NonceLoop
                | Self::AppDeactivated
                | Self::ZoneDenied
        );
        let everywhere = matches!(
            self,
            Self::NotOkta | Self::LoginPage | Self::Redirect | Self::ClockSkew | Self::ClockBehind
        );
        match place {
            _ if everywhere => true,
            Place::Log => !at_token,
            Place::Token => at_token,
            Place::Other => self.refuses(),
        }
    }
}

/// The faults that are on, and those queued for the next answers. A queued fault waits for the token endpoint if it can
/// occur only there, and otherwise for the System Log.
#[derive(Debug, Default)]
pub(super) struct Faults {
    lasting: BTreeSet<SimFault>,
    spells: Vec<Spell>,
    /// Answers so far, by [`Place`].
    answers: [usize; 3],
    log: VecDeque<(SimFault, usize)>,
    token: VecDeque<(SimFault, usize)>,
}

impl Faults {
    /// Makes a set with these lasting faults.
    pub(super) fn new(lasting: &[SimFault]) -> Self {
        let mut faults = Self::default();
        for fault in lasting {
            match fault {
                SimFault::TokenExpired => faults.fail_next(*fault, 1),
                _ => faults.switch(*fault, true),
            }
        }
        faults
    }

    /// Returns the set with faults that occur in some answers only.
    #[must_use]
    pub(super) fn with(self, spells: &[Spell]) -> Self {
        Self { spells: spells.to_vec(), ..self }
    }

    /// Switches a lasting fault on or off. [`SimFault::TokenExpired`] never lasts, so it is ignored.
    pub(super) fn switch(&mut self, fault: SimFault, on: bool) {
        if on && fault != SimFault::TokenExpired {
            self.lasting.insert(fault);
        } else {
            self.lasting.remove(&fault);
        }
    }

    /// Queues a fault for the next `times` answers, after the faults already queued.
    pub(super) fn fail_next(&mut self, fault: SimFault, times: usize) {
        let queue = if fault.shows(Place::Log) { &mut self.log } else { &mut self.token };
        if times > 0 {
            queue.push_back((fault, times));
        }
    }

    /// Counts an answer, and removes and returns its faults.
    pub(super) fn take(&mut self, place: Place) -> BTreeSet<SimFault> {
        let number = &mut self.answers[place as usize];
        *number += 1;
        let spells = self.spells.iter().filter(|spell| spell.answers.contains(number));
        let faults = self.lasting.iter().copied().chain(spells.map(|spell| spell.fault));
        let mut now: BTreeSet<SimFault> = faults.filter(|fault| fault.shows(place)).collect();
        let queue = match place {
            Place::Log => &mut self.log,
            Place::Token => &mut self.token,
            Place::Other => return now,
        };
        if let Some((fault, left)) = queue.front_mut() {
            now.insert(*fault);
            *left -= 1;
            if *left == 0 {
                queue.pop_front();
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for word in SimFault::WORDS {
            assert_eq!(SimFault::from_word(word).map(SimFault::word).as_deref(), Some(word));
        }
        for word in ["status_404", "status_400_E0000053", "status_599_E0000009"] {
            assert_eq!(SimFault::from_word(word).map(SimFault::word).as_deref(), Some(word));
        }
        for bad in ["401", "status_", "status_200", "status_600", "status_400_E53", "status_400_"] {
            assert_eq!(SimFault::from_word(bad), None, "{bad}");
        }
        assert_eq!(BTreeSet::from(SimFault::WORDS).len(), 35);
    }

    #[test]
    fn a_spell_is_a_word_with_the_answers_that_it_concerns() {
        let read = |text| Spell::from_words(text).map(|spell| (spell.fault, spell.answers));
        assert_eq!(read("redirect"), Some((SimFault::Redirect, 1..=usize::MAX)));
        assert_eq!(read("redirect@3"), Some((SimFault::Redirect, 3..=usize::MAX)));
        assert_eq!(read("redirect@3-4"), Some((SimFault::Redirect, 3..=4)));
        assert_eq!(read("token_expired"), Some((SimFault::TokenExpired, 1..=1)));
        assert_eq!(read("token_expired@2"), Some((SimFault::TokenExpired, 2..=2)));
        assert_eq!(read("token_expired@2-9"), Some((SimFault::TokenExpired, 2..=9)));
        for bad in ["", "x", "redirect@", "redirect@0", "redirect@4-3", "redirect@-3", "redirect@3-", "@3"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_spell_counts_the_answers_of_each_place() {
        let spells = ["redirect@2-3", "nonce_loop@2"].map(|text| Spell::from_words(text).unwrap());
        let mut faults = Faults::default().with(&spells);
        let seen: Vec<usize> = (0..4).map(|_| faults.take(Place::Log).len()).collect();
        assert_eq!(seen, [0, 1, 1, 0]);
        let seen: Vec<usize> = (0..4).map(|_| faults.take(Place::Token).len()).collect();
        assert_eq!(seen, [0, 2, 2, 1]);
    }

    #[test]
    fn queued_faults_wait_for_the_log() {
        let mut faults = Faults::new(&[SimFault::ClockSkew, SimFault::SlowBody]);
        faults.fail_next(SimFault::Rate429, 2);
        faults.fail_next(SimFault::CutBody, 1);
        assert_eq!(faults.take(Place::Other), BTreeSet::from([SimFault::ClockSkew]));
        faults.switch(SimFault::SlowBody, false);
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::ClockSkew, SimFault::Rate429]));
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::ClockSkew, SimFault::Rate429]));
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::ClockSkew, SimFault::CutBody]));
        faults.switch(SimFault::ClockSkew, false);
        assert!(faults.take(Place::Log).is_empty());
    }

    #[test]
    fn what_concerns_tokens_waits_for_the_token_endpoint() {
        let mut faults = Faults::new(&[SimFault::TokenExpired, SimFault::LoginPage, SimFault::NarrowedScope]);
        faults.fail_next(SimFault::BadNonce, 1);
        assert_eq!(faults.take(Place::Other), BTreeSet::from([SimFault::LoginPage]));
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::LoginPage, SimFault::TokenExpired]));
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::LoginPage]));
        let at_token = BTreeSet::from([SimFault::LoginPage, SimFault::NarrowedScope]);
        assert_eq!(faults.take(Place::Token), &at_token | &BTreeSet::from([SimFault::BadNonce]));
        assert_eq!(faults.take(Place::Token), at_token);
        faults.switch(SimFault::TokenExpired, true);
        assert_eq!(faults.take(Place::Log), BTreeSet::from([SimFault::LoginPage]));
    }
}
