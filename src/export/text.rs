//! Writes a consent as a line for people.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::consent::{Actor, Consent, Evidence, Kind, Orgs, Person, Seq, Untrusted, visible};

/// Appends a line with time (UTC), kind, person, client, server, scopes, address and country, and source.
///
/// If there are several orgs, the org's label in brackets follows the kind. `-` stands for an unknown value, and ` ?`
/// follows a person who is inferred from the session. Fields are separated by two spaces and never contain two spaces.
/// An outcome other than success is added at the end, since the line would read like a consent otherwise.
pub(super) fn line(_seq: Seq, consent: &Consent, orgs: &Orgs, out: &mut Vec<u8>) {
    let published = consent.published.map_or_else(|| "no time".to_owned(), seconds);
    let mut parts = vec![
        // The first two fields have a fixed width, so that they align.
        format!("{published:<20}"),
        format!("{:<12}", consent.kind.word()),
    ];
    if orgs.is_several() {
        parts.push(format!("[{}]", consent.org.as_deref().unwrap_or("-")));
    }
    parts.extend([
        who(consent),
        first([consent.client.label.as_ref(), consent.client.id.as_ref().map(|id| &id.0)]),
        first([consent.server.name.as_ref(), consent.server.id.as_ref().map(|id| &id.0)]),
        scopes(consent),
        joined([consent.from.ip.as_ref(), consent.from.country.as_ref()].into_iter()),
        consent.via.told(consent.doubt).to_owned(),
    ]);
    if let Some(result) = consent.outcome.result.as_ref().filter(|result| result.exact() != "SUCCESS") {
        let reason = consent.outcome.reason.as_ref();
        let reason = reason.map_or(String::new(), |reason| format!(": {}", field(reason.exact())));
        parts.push(format!("[{}{reason}]", field(result.exact())));
    }
    parts.extend(unread(consent).map(|words| format!("[{words}]")));
    let hidden = consent.hidden;
    if hidden > 0 {
        parts.push(format!("[{hidden} hidden]"));
    }
    out.extend_from_slice(parts.join("  ").as_bytes());
    out.push(b'\n');
}

/// Returns how many targets of an event were not read, or `None` if all were.
pub(super) fn unread(consent: &Consent) -> Option<String> {
    let count = consent.unread_targets;
    let targets = if count == 1 { "target is" } else { "targets are" };
    (count > 0).then(|| format!("{count} more {targets} only in the raw event"))
}

/// Returns the scopes, or the event type of an event that is not about consent.
fn scopes(consent: &Consent) -> String {
    let names = consent.scopes.iter().map(|scope| scope.name.as_ref());
    match joined(names).as_str() {
        "-" if consent.kind == Kind::Other => first([Some(&consent.event_type)]),
        names => names.to_owned(),
    }
}

fn seconds(at: jiff::Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&at)
}

/// The most columns of one field. The JSON format has the whole text.
const COLUMNS_MAX: usize = 200;
/// The most bytes of one field, since some characters have no width. Ordinary text stays far below it.
const BYTES_MAX: usize = 20 * COLUMNS_MAX;

/// Returns text as a field. Invisible characters become visible, each run of white space becomes one space, and long
/// text is cut with `…`.
pub(super) fn field(text: &str) -> String {
    let text = visible(text);
    let mut out = String::new();
    let mut columns = 0;
    for word in text.split_whitespace() {
        let space = if out.is_empty() { "" } else { " " };
        for cluster in std::iter::once(space).chain(word.graphemes(true)) {
            columns += cluster.width();
            // The `…` needs the last column.
            if columns >= COLUMNS_MAX || out.len() + cluster.len() > BYTES_MAX {
                out.push('…');
                return out;
            }
            out.push_str(cluster);
        }
    }
    out
}

/// Returns the first text that is not empty, or `-`.
pub(super) fn first<const N: usize>(texts: [Option<&Untrusted>; N]) -> String {
    let mut fields = texts.into_iter().flatten().map(|text| field(text.exact()));
    fields.find(|field| !field.is_empty()).unwrap_or_else(|| "-".to_owned())
}

/// Joins texts with spaces to one field, or returns `-` if it is empty.
pub(super) fn joined<'a>(texts: impl Iterator<Item = Option<&'a Untrusted>>) -> String {
    let texts: Vec<Cow<'_, str>> = texts.flatten().map(Untrusted::visible).collect();
    let joined = field(&texts.join(" "));
    if joined.is_empty() { "-".to_owned() } else { joined }
}

/// Returns the person of a consent. If it names nobody, returns `unknown` or `nobody` with the actor.
pub(super) fn who(consent: &Consent) -> String {
    if let Some(person) = consent.who.person.name() {
        let inferred = if consent.who.evidence == Evidence::Session { " ?" } else { "" };
        return format!("{}{inferred}", field(person));
    }
    let nobody = if consent.who.evidence == Evidence::NotApplicable { "nobody" } else { "unknown" };
    match consent.actor.as_ref().and_then(by) {
        Some(actor) => format!("{nobody} (by {})", field(actor)),
        None => nobody.to_owned(),
    }
}

fn by(actor: &Actor) -> Option<&str> {
    Person::shown(
        actor.id.as_ref().map_or("", Untrusted::exact),
        actor.alternate_id.as_ref().map_or("", Untrusted::exact),
        actor.display_name.as_ref().map_or("", Untrusted::exact),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{OutcomeOf, Who};
    use crate::export::sample;

    fn written(consent: &Consent) -> String {
        let mut out = Vec::new();
        line(Seq(1), consent, &Orgs::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_full_event_says_who_allowed_what() {
        assert_eq!(
            written(&sample::both_ways()),
            "2026-05-06T07:08:09Z  grant         mira@example.test  Paint \"Box\"  default  paint.read paint.write  \
             198.51.100.7 Netherlands  poll+hook\n"
        );
    }

    #[test]
    fn the_org_is_named_if_there_are_several() {
        let of = |consent: &Consent, orgs: &Orgs| {
            let mut out = Vec::new();
            line(Seq(1), consent, orgs, &mut out);
            String::from_utf8(out).unwrap()
        };
        let told = of(&sample::both_ways(), &sample::two_orgs());
        assert!(
            told.starts_with("2026-05-06T07:08:09Z  grant         [prod]  mira@example.test  "),
            "{told}"
        );
        assert!(of(&sample::bare(), &sample::two_orgs()).contains("  other         [-]  unknown  "));
        assert_eq!(of(&sample::both_ways(), &sample::orgs()), written(&sample::both_ways()));
    }

    #[test]
    fn an_empty_event_claims_nothing() {
        assert_eq!(
            written(&sample::bare()),
            "no time               other         unknown  -  -  -  -  poll\n"
        );
    }

    #[test]
    fn targets_that_were_not_read_are_said() {
        let cut = written(&Consent { unread_targets: 340, ..sample::both_ways() });
        assert!(cut.ends_with("  [340 more targets are only in the raw event]\n"), "{cut}");
    }

    #[test]
    fn an_event_of_another_kind_shows_its_type() {
        let other = Consent { event_type: Untrusted::new("user.session.start"), ..sample::bare() };
        assert_eq!(
            written(&other),
            "no time               other         unknown  -  -  user.session.start  -  poll\n"
        );
        let columns = other.symbols().map(|symbol| symbol.as_str().to_owned());
        assert_eq!(columns[4], "user.session.start", "the list shows it too");
        assert_eq!(sample::bare().symbols()[4].as_str(), "");
    }

    #[test]
    fn an_admins_act_has_nobody() {
        let full = sample::both_ways();
        let admin = Consent {
            kind: Kind::AdminGrant,
            who: Who { person: Person::default(), evidence: Evidence::NotApplicable },
            outcome: OutcomeOf {
                result: Some(Untrusted::new("FAILURE")),
                reason: Some(Untrusted::new("a\u{202e}b")),
            },
            ..full
        };
        let written = written(&admin);
        assert!(written.contains("  admin_grant   nobody (by mira@example.test)  "), "{written}");
        assert!(written.ends_with("  poll+hook  [FAILURE: a<U+202E>b]\n"), "{written}");
    }

    #[test]
    fn no_field_forges_the_next() {
        let mut hostile = sample::both_ways();
        hostile.client.label = Some(Untrusted::new("Box  default\u{a0}\u{3000} poll "));
        hostile.from.country = Some(Untrusted::new("\u{2003}"));
        hostile.scopes.truncate(1);
        let written = written(&hostile);
        let fields: Vec<&str> =
            written.split("  ").map(str::trim).filter(|field| !field.is_empty()).collect();
        let expected =
            ["mira@example.test", "Box default poll", "default", "paint.read", "198.51.100.7", "poll+hook"];
        assert!(fields.ends_with(&expected), "{fields:?}");
    }

    #[test]
    fn a_field_ends_somewhere() {
        assert_eq!(field(&"ab ".repeat(66)), "ab ".repeat(66).trim_end());
        let cut = field(&"李".repeat(5000));
        assert_eq!((cut.width(), cut.ends_with("李…")), (199, true));
        assert!(field(&"\u{fe0f}".repeat(100_000)).len() <= BYTES_MAX + '…'.len_utf8());
        assert!(field(&format!("a{}", "\u{94d}".repeat(100_000))).len() <= BYTES_MAX + '…'.len_utf8());
    }

    #[test]
    fn a_blank_name_falls_back_to_the_id() {
        let mut blank = sample::both_ways();
        blank.client.label = Some(Untrusted::new(""));
        blank.server.name = Some(Untrusted::new(" \u{a0}"));
        let written = written(&blank);
        assert!(written.contains("  0oaDDDDDDDDDDDDDD1d7  ausSSSSSSSSSSSSSS1d7  "), "{written}");
    }

    #[test]
    fn what_is_inferred_or_unknown_says_so() {
        let mut odd = sample::both_ways();
        odd.who.evidence = Evidence::Session;
        assert!(written(&odd).contains("  mira@example.test ?  Paint"));
        odd.who = Who { person: Person::default(), evidence: Evidence::Unknown };
        assert!(written(&odd).contains("  unknown (by mira@example.test)  Paint"));
    }

    #[test]
    fn nothing_from_outside_reaches_a_terminal_raw() {
        let mut hostile = sample::both_ways();
        hostile.client.label = Some(Untrusted::new("x\u{1b}]0;y\u{7}\nz"));
        let written = written(&hostile);
        assert!(written.contains("x^[]0;y^G^Jz"), "{written}");
        assert_eq!(written.matches('\n').count(), 1);
    }
}
