//! One consent as a tree that folds: what it means, the event card, the raw event.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::marks::Mark;
use super::mask::{Known, Mask};
use crate::consent::{Consent, Difference, Evidence, Person, Thing, Untrusted, Via, visible};

/// How a value reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Weight {
    /// A value.
    Value,
    /// A heading over others.
    Heading,
    /// Not there, and why.
    Absent,
}

/// One line of the tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Names the line among all, the same for every consent, so that a fold stays folded.
    pub path: String,
    /// How deep it stands; 0 is a section.
    pub depth: u16,
    /// What it is; made visible.
    pub label: String,
    /// What it says; made visible.
    pub value: String,
    /// How it reads.
    pub weight: Weight,
    /// Whether lines hang below it.
    pub has_children: bool,
}

/// The tree of one consent, and where the reader stands in it.
#[derive(Debug)]
pub struct Detail {
    nodes: Vec<Node>,
    /// Paths that differ from how they stand at first.
    turned: HashSet<String>,
    cursor: usize,
    top: usize,
}

/// At most this many lines; an event of a megabyte must not make a tree of a million.
const NODES_MAX: usize = 20_000;
/// Nested deeper than this, JSON is shown as text.
const DEPTH_MAX: u16 = 24;

impl Detail {
    /// Grows the tree of a consent, its folds as the reader left them in the one before. What is known `around` it
    /// stands behind what it means.
    pub fn new(
        consent: &Consent,
        mark: Option<&Mark>,
        around: &[Node],
        mask: &Mask,
        before: Option<&Detail>,
    ) -> Self {
        let mut tree = Tree { nodes: Vec::new(), mask: mask.clone(), known: mask.known(consent) };
        if let Some(mark) = mark {
            tree.heading("mark", 0, "Mark", &format!("{:.0}", mark.at));
            let note = Some(&*mark.note).filter(|note| !note.is_empty()).map(Untrusted::new);
            tree.maybe("mark/note", 1, "Note", note.as_ref(), "none; m writes one");
        }
        tree.meaning(consent);
        for node in around {
            tree.push(&node.path, node.depth, &node.label, &node.value, node.weight);
        }
        tree.card(consent);
        tree.raw(consent);
        if let Some(copy) = &consent.hook_copy {
            tree.event("raw-hook", "Raw Event of the Hook", &copy.raw);
        }
        let mut detail = Self { nodes: tree.nodes, turned: HashSet::new(), cursor: 0, top: 0 };
        if let Some(before) = before {
            detail.turned.clone_from(&before.turned);
            let path = before.visible().nth(before.cursor).map(|node| node.path.clone());
            let place = path.and_then(|path| detail.visible().position(|node| node.path == path));
            detail.cursor = place.unwrap_or(0);
            detail.top = before.top.min(detail.cursor);
        }
        detail
    }

    /// Moves the reader to the next line of which something is so, unfolding what hides it, round the end; returns
    /// whether there is one.
    pub(in crate::model) fn seek(&mut self, back: bool, height: usize, is: impl Fn(&Node) -> bool) -> bool {
        let total = self.nodes.len();
        let path = self.visible().nth(self.cursor).map(|node| node.path.clone());
        let here = self.nodes.iter().position(|node| Some(&node.path) == path.as_ref()).unwrap_or(0);
        let mut places = (1..=total).map(|gap| (here + if back { total - gap } else { gap }) % total.max(1));
        let Some(there) = places.find(|place| is(&self.nodes[*place])) else { return false };
        self.reveal(there);
        let path = self.nodes[there].path.clone();
        let line = self.visible().position(|node| node.path == path).unwrap_or(0);
        self.step(line as isize - self.cursor as isize, height);
        true
    }

    /// Unfolds everything that a line hangs below.
    fn reveal(&mut self, line: usize) {
        let mut depth = self.nodes[line].depth;
        for above in (0..line).rev() {
            if self.nodes[above].depth < depth {
                depth = self.nodes[above].depth;
                if !self.is_open(&self.nodes[above]) {
                    let path = self.nodes[above].path.clone();
                    if !self.turned.remove(&path) {
                        self.turned.insert(path);
                    }
                }
            }
        }
    }

    /// The lines that are not folded away.
    pub fn visible(&self) -> impl Iterator<Item = &Node> {
        let mut hidden_below: Option<u16> = None;
        self.nodes.iter().filter(move |node| {
            if hidden_below.is_some_and(|depth| node.depth > depth) {
                return false;
            }
            hidden_below = (node.has_children && !self.is_open(node)).then_some(node.depth);
            true
        })
    }

    /// Every line, folded away or not.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether the lines below a node are shown.
    pub fn is_open(&self, node: &Node) -> bool {
        opens_at_first(&node.path) != self.turned.contains(&node.path)
    }

    /// The reader's line among the visible ones.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Returns the first line of a window of `height` lines.
    pub fn top(&self, height: usize) -> usize {
        let top = self.top.min(self.cursor);
        top.max((self.cursor + 1).saturating_sub(height))
    }

    /// Moves the reader.
    pub fn step(&mut self, lines: isize, height: usize) {
        let last = self.visible().count().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(lines).min(last);
        self.top = self.top(height);
    }

    /// Unfolds the reader's line.
    pub fn unfold(&mut self) {
        self.turn(true);
    }

    /// Folds the reader's line, or goes to its parent.
    pub fn fold(&mut self) {
        if self.turn(false) {
            return;
        }
        let lines: Vec<&Node> = self.visible().collect();
        let Some(here) = lines.get(self.cursor) else { return };
        let parent = lines[..self.cursor].iter().rposition(|node| node.depth < here.depth);
        self.cursor = parent.unwrap_or(self.cursor);
    }

    /// Folds the reader's line, or unfolds it.
    pub(in crate::model) fn turn_here(&mut self) {
        if !self.turn(true) {
            self.turn(false);
        }
    }

    fn turn(&mut self, open: bool) -> bool {
        let Some(node) = self.visible().nth(self.cursor) else { return false };
        if !node.has_children || self.is_open(node) == open {
            return false;
        }
        let path = node.path.clone();
        if !self.turned.remove(&path) {
            self.turned.insert(path);
        }
        true
    }
}

/// The raw event begins folded: everything in it is said above in better words.
fn opens_at_first(path: &str) -> bool {
    !(path.starts_with("raw") || path == "card/Event Details" || path.starts_with("card/Event Details/"))
}

struct Tree {
    nodes: Vec<Node>,
    mask: Mask,
    /// Who is named in the consent.
    known: Known,
}

const POLLED: &str = "not in a polled event";

impl Tree {
    fn meaning(&mut self, consent: &Consent) {
        self.heading("consent", 0, "Consent", consent.kind.word());
        let who = Person::shown(
            consent.who.person.id.as_ref().map_or("", |id| id.exact()),
            consent.who.person.alternate_id.as_ref().map_or("", Untrusted::exact),
            consent.who.person.display_name.as_ref().map_or("", Untrusted::exact),
        );
        match who {
            Some(name) => self.heading("consent/who", 1, "Who", &visible(name)),
            None => self.heading("consent/who", 1, "Who", "unknown"),
        }
        self.text("consent/who/name", 2, "Display Name", consent.who.person.display_name.as_ref());
        self.text("consent/who/alt", 2, "Alternate ID", consent.who.person.alternate_id.as_ref());
        self.text("consent/who/id", 2, "ID", consent.who.person.id.as_ref().map(|id| &id.0));
        self.told("consent/who/told", consent, Thing::Person);
        let evidence = consent.who.evidence;
        let only_hook =
            consent.via == Via::HOOK && !matches!(evidence, Evidence::Unknown | Evidence::NotApplicable);
        let evidence = evidence.meaning();
        if only_hook {
            let words = format!("hook only, not shown by the log: {evidence}");
            self.value("consent/who/evidence", 2, "Evidence", &words);
        } else {
            self.value("consent/who/evidence", 2, "Evidence", evidence);
        }
        let label = consent.client.label.as_ref().or(consent.client.id.as_ref().map(|id| &id.0));
        self.heading("consent/client", 1, "Client", &label.map_or("unknown".into(), Untrusted::visible));
        self.text("consent/client/id", 2, "ID", consent.client.id.as_ref().map(|id| &id.0));
        self.maybe("consent/client/label", 2, "Label", consent.client.label.as_ref(), "not known");
        self.told("consent/client/told", consent, Thing::Client);
        let name = consent.server.name.as_ref().or(consent.server.id.as_ref().map(|id| &id.0));
        self.heading(
            "consent/server",
            1,
            "Authorization Server",
            &name.map_or("unknown".into(), Untrusted::visible),
        );
        self.text("consent/server/id", 2, "ID", consent.server.id.as_ref().map(|id| &id.0));
        self.text("consent/server/name", 2, "Name", consent.server.name.as_ref());
        self.told("consent/server/told", consent, Thing::Server);
        let count = consent.scopes.len();
        let words = if count == 1 { "1 scope".to_owned() } else { format!("{count} scopes") };
        self.heading("consent/scopes", 1, "Scope Grants", &words);
        for (index, scope) in consent.scopes.iter().enumerate() {
            let path = format!("consent/scopes/{index}");
            let name = scope.name.as_ref().map_or("unnamed".into(), Untrusted::visible);
            let grant = scope.grant_id.as_ref().map_or("no grant id".into(), |id| id.0.visible());
            self.value(&path, 2, &name, &grant);
        }
        if consent.unread_targets > 0 {
            let words = format!("{} more targets are in the raw event alone", consent.unread_targets);
            self.absent("consent/scopes/unread", 2, "Not Read", &words);
        }
        let result = consent.outcome.result.as_ref().map_or("none given".into(), Untrusted::visible);
        self.heading("consent/outcome", 1, "Outcome", &result);
        self.maybe("consent/outcome/reason", 2, "Reason", consent.outcome.reason.as_ref(), "none given");
        self.text("consent/outcome/severity", 2, "Severity", consent.severity.as_ref());
        let from = &consent.from;
        self.heading(
            "consent/from",
            1,
            "From",
            &from.ip.as_ref().map_or("unknown".into(), Untrusted::visible),
        );
        self.text("consent/from/city", 2, "City", from.city.as_ref());
        self.text("consent/from/country", 2, "Country", from.country.as_ref());
        let number = from.as_number.map(|number| Untrusted::new(number.to_string()));
        self.text("consent/from/asn", 2, "AS Number", number.as_ref());
        self.text("consent/from/as", 2, "AS Organization", from.as_org.as_ref());
        let proxy = from.is_proxy.map(|is| Untrusted::new(if is { "yes" } else { "no" }));
        self.text("consent/from/proxy", 2, "Proxy", proxy.as_ref());
        self.text("consent/from/agent", 2, "User Agent", from.user_agent.as_ref());
        self.heading("consent/trace", 1, "Trace", consent.via.told(consent.doubt));
        if let Some(doubt) = consent.doubt {
            self.value("consent/trace/doubt", 2, "Doubt", doubt.meaning());
        }
        match consent.hidden {
            0 => {}
            1 => self.value(
                "consent/trace/hidden",
                2,
                "Hidden",
                "1 value of the event is a secret; it was hidden before it was stored",
            ),
            count => {
                let words = format!(
                    "{count} values of the event are secrets; they were hidden before they were stored"
                );
                self.value("consent/trace/hidden", 2, "Hidden", &words);
            }
        }
        self.hook_copy(consent);
        self.text("consent/trace/session", 2, "Session ID", consent.session_id.as_ref());
        self.text("consent/trace/txn", 2, "Transaction ID", consent.transaction_id.as_ref());
        self.value("consent/trace/received", 2, "Received", &format!("{:.3}", consent.received));
        if let Some(delivery) = &consent.hook {
            let built = delivery.event_time.as_ref().and_then(|text| text.exact().parse().ok());
            self.delay("consent/trace/built", "Delivery Built", consent.published, built);
            self.delay("consent/trace/came", "Delivery Came", consent.published, delivery.received);
        }
    }

    /// What the hook's copy says otherwise than the log's, or more: both versions of each fact.
    fn hook_copy(&mut self, consent: &Consent) {
        let Some(copy) = consent.hook_copy.as_deref() else { return };
        for (fact, difference) in consent.differences() {
            let said =
                |consent: &Consent| fact.of(consent).map_or("?".into(), |text| visible(&text).into_owned());
            let words = match difference {
                Difference::HookOnly => format!("hook only: {}", said(copy)),
                Difference::Contradicts => format!("hook: {}; log: {}", said(copy), said(consent)),
            };
            self.value(&format!("consent/trace/hook/{}", fact.word()), 2, fact.label(), &words);
        }
    }

    /// How long after its publication the hook had an event.
    fn delay(&mut self, path: &str, label: &str, published: Option<Timestamp>, at: Option<Timestamp>) {
        let (Some(published), Some(at)) = (published, at) else { return };
        let delay = at.duration_since(published).as_secs_f64();
        self.value(path, 2, label, &format!("{at:.3}, {delay:.1} s after the event"));
    }

    /// When Okta was asked for a name that the event does not give, and whether there was still anything of that id.
    fn told(&mut self, path: &str, consent: &Consent, thing: Thing) {
        let Some(label) = consent.labels.iter().find(|label| label.thing == thing) else { return };
        let state = match (label.is_gone, label.name.is_some()) {
            (false, _) => "",
            (true, true) => "; deleted in Okta since",
            (true, false) => "; deleted in Okta before",
        };
        self.value(path, 2, "Looked Up", &format!("{:.0}{state}", label.asked));
    }

    /// The output fields of Okta Workflows' event card "OAuth2 App Consent Granted", under the card's own words.
    fn card(&mut self, consent: &Consent) {
        let raw: Value = serde_json::from_str(&consent.raw).unwrap_or(Value::Null);
        let delivery = consent.hook.as_ref();
        self.heading("card", 0, "OAuth2 App Consent Granted", "event card");
        let exact = raw.get("published").and_then(Value::as_str).map(Untrusted::new);
        self.maybe("card/Date and Time", 1, "Date and Time", exact.as_ref(), "the event has no time");
        self.text("card/Message", 1, "Message", consent.message.as_ref());
        self.maybe("card/Event ID", 1, "Event ID", delivery.and_then(|d| d.event_id.as_ref()), POLLED);
        self.value("card/Event Type", 1, "Event Type", &consent.event_type.visible());
        self.maybe("card/Event Time", 1, "Event Time", delivery.and_then(|d| d.event_time.as_ref()), POLLED);
        self.text("card/Version", 1, "Version", consent.version.as_ref());
        let actor = consent.actor.clone().unwrap_or_default();
        let name = actor.display_name.as_ref().or(actor.alternate_id.as_ref()).or(actor.id.as_ref());
        self.heading("card/Actor", 1, "Actor", &name.map_or("none given".into(), Untrusted::visible));
        self.text("card/Actor/ID", 2, "ID", actor.id.as_ref());
        self.text("card/Actor/Alternate ID", 2, "Alternate ID", actor.alternate_id.as_ref());
        self.text("card/Actor/Display Name", 2, "Display Name", actor.display_name.as_ref());
        self.text("card/Actor/Type", 2, "Type", actor.kind.as_ref());
        self.targets(raw.get("target"));
        self.text("card/UUID", 1, "UUID", consent.uuid.as_ref());
        self.json("card/Event Details", 1, "Event Details", &raw);
        match delivery {
            None => self.absent("card/Headers", 1, "Headers", POLLED),
            Some(delivery) => {
                self.heading("card/Headers", 1, "Headers", &delivery.headers.len().to_string());
                for (index, header) in delivery.headers.iter().enumerate() {
                    self.value(&format!("card/Headers/{index}"), 2, "Header", &header.visible());
                }
            }
        }
        self.maybe("card/Source", 1, "Source", delivery.and_then(|d| d.source.as_ref()), POLLED);
        self.heading("card/Debug Context", 1, "Debug Context", "");
        match raw.get("debugContext").and_then(|context| context.get("debugData")) {
            None | Some(Value::Null) => {
                self.absent("card/Debug Context/Debug Data", 2, "Debug Data", "none given");
            }
            Some(data) => self.json("card/Debug Context/Debug Data", 2, "Debug Data", data),
        }
    }

    fn targets(&mut self, targets: Option<&Value>) {
        let Some(Value::Array(targets)) = targets else {
            return self.absent("card/Target", 1, "Target", "the event has no targets");
        };
        self.heading("card/Target", 1, "Target", &targets.len().to_string());
        for (index, target) in targets.iter().enumerate() {
            let path = format!("card/Target/{index}");
            let part = |name: &str| target.get(name).and_then(Value::as_str).map(Untrusted::new);
            let name = part("displayName");
            self.heading(
                &path,
                2,
                &(index + 1).to_string(),
                &name.as_ref().map_or("unnamed".into(), Untrusted::visible),
            );
            self.text(&format!("{path}/ID"), 3, "ID", part("id").as_ref());
            self.text(&format!("{path}/Display Name"), 3, "Display Name", name.as_ref());
            self.text(&format!("{path}/Type"), 3, "Type", part("type").as_ref());
            match target.get("detailEntry") {
                None | Some(Value::Null) => {
                    self.absent(&format!("{path}/Detail Entry"), 3, "Detail Entry", "none given");
                }
                Some(entry) => self.json(&format!("{path}/Detail Entry"), 3, "Detail Entry", entry),
            }
        }
    }

    fn raw(&mut self, consent: &Consent) {
        self.event("raw", "Raw Event", &consent.raw);
    }

    fn event(&mut self, path: &str, label: &str, raw: &str) {
        match serde_json::from_str::<Value>(raw) {
            Ok(value) => self.json(path, 0, label, &value),
            Err(_) => self.value(path, 0, label, &visible(raw)),
        }
    }

    fn json(&mut self, path: &str, depth: u16, label: &str, value: &Value) {
        if self.nodes.len() >= NODES_MAX {
            return;
        }
        match value {
            Value::Object(map) if depth < DEPTH_MAX && !map.is_empty() => {
                self.heading(path, depth, label, &count(map.len(), "key"));
                for (key, value) in map {
                    self.json(&format!("{path}/{key}"), depth + 1, &visible(key), value);
                }
            }
            Value::Array(items) if depth < DEPTH_MAX && !items.is_empty() => {
                self.heading(path, depth, label, &count(items.len(), "entry"));
                for (index, value) in items.iter().enumerate() {
                    self.json(&format!("{path}/{index}"), depth + 1, &(index + 1).to_string(), value);
                }
            }
            Value::String(text) => {
                // Okta puts JSON into strings of the debug data; a reader wants to see what is in it.
                let nested = text
                    .trim_start()
                    .starts_with(['{', '['])
                    .then(|| serde_json::from_str(text).ok())
                    .flatten();
                match nested {
                    Some(nested @ (Value::Object(_) | Value::Array(_))) => {
                        self.json(path, depth, label, &nested);
                    }
                    _ => self.value(path, depth, label, &visible(text)),
                }
            }
            Value::Null => self.absent(path, depth, label, "null"),
            other => self.value(path, depth, label, &visible(&other.to_string())),
        }
    }

    fn heading(&mut self, path: &str, depth: u16, label: &str, value: &str) {
        self.push(path, depth, label, value, Weight::Heading);
    }

    fn value(&mut self, path: &str, depth: u16, label: &str, value: &str) {
        self.push(path, depth, label, value, Weight::Value);
    }

    fn absent(&mut self, path: &str, depth: u16, label: &str, why: &str) {
        self.push(path, depth, label, why, Weight::Absent);
    }

    fn text(&mut self, path: &str, depth: u16, label: &str, value: Option<&Untrusted>) {
        self.maybe(path, depth, label, value, "none given");
    }

    fn maybe(&mut self, path: &str, depth: u16, label: &str, value: Option<&Untrusted>, why: &str) {
        match value {
            Some(value) => self.value(path, depth, label, &value.visible()),
            None => self.absent(path, depth, label, why),
        }
    }

    fn push(&mut self, path: &str, depth: u16, label: &str, value: &str, weight: Weight) {
        if self.nodes.len() >= NODES_MAX {
            return;
        }
        if let Some(parent) = self.nodes.last_mut().filter(|last| last.depth < depth) {
            parent.has_children = true;
        }
        self.nodes.push(Node {
            path: path.to_owned(),
            depth,
            label: self.mask.told(label, &self.known).into_owned(),
            value: self.mask.told(value, &self.known).into_owned(),
            weight,
            has_children: false,
        });
    }
}

fn count(n: usize, noun: &str) -> String {
    match (n, noun) {
        (1, noun) => format!("1 {noun}"),
        (n, "entry") => format!("{n} entries"),
        (n, noun) => format!("{n} {noun}s"),
    }
}
