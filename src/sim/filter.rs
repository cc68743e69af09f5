//! The System Log's filter language: the SCIM subset that Okta documents.

use serde_json::Value;

/// The most characters, comparisons and nested parentheses in a filter. Okta publishes no figures.
const MAX_CHARS: usize = 4000;
const MAX_COMPARISONS: usize = 100;
const MAX_DEPTH: usize = 32;

/// The attributes of the System Log. After a path that ends with a dot, every key is allowed.
const KNOWN: [&str; 62] = [
    "uuid",
    "eventType",
    "version",
    "severity",
    "legacyEventType",
    "displayMessage",
    "actor",
    "actor.id",
    "actor.type",
    "actor.alternateId",
    "actor.displayName",
    "actor.detailEntry.",
    "target",
    "target.id",
    "target.type",
    "target.alternateId",
    "target.displayName",
    "target.detailEntry.",
    "client",
    "client.id",
    "client.zone",
    "client.device",
    "client.ipAddress",
    "client.userAgent",
    "client.userAgent.rawUserAgent",
    "client.userAgent.os",
    "client.userAgent.browser",
    "client.geographicalContext",
    "client.geographicalContext.city",
    "client.geographicalContext.state",
    "client.geographicalContext.country",
    "client.geographicalContext.postalCode",
    "client.geographicalContext.geolocation.",
    "authenticationContext.authenticationProvider",
    "authenticationContext.credentialProvider",
    "authenticationContext.credentialType",
    "authenticationContext.authenticationStep",
    "authenticationContext.externalSessionId",
    "authenticationContext.rootSessionId",
    "authenticationContext.interface",
    "authenticationContext.issuer.",
    "outcome",
    "outcome.result",
    "outcome.reason",
    "securityContext.asNumber",
    "securityContext.asOrg",
    "securityContext.isp",
    "securityContext.domain",
    "securityContext.isProxy",
    "securityContext.ipDetails.",
    "securityContext.risk.",
    "securityContext.userBehaviors.",
    "securityContext.botProtection.",
    "debugContext.debugData.",
    "transaction.id",
    "transaction.type",
    "transaction.detail.",
    "request.ipChain.ip",
    "request.ipChain.version",
    "request.ipChain.source",
    "request.ipChain.geographicalContext.",
    "device.",
];

/// A parsed filter.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Filter {
    root: Node,
    only_event_type: bool,
}

/// Why a filter was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum FilterError {
    /// It cannot be parsed. The position counts characters from 0 (Okta: `E0000053`).
    Invalid { what: String, position: usize },
    /// It can be parsed, but the attribute does not support the operator (Okta: `E0000031`).
    Unsupported { path: String, op: String },
}

#[derive(Clone, PartialEq, Debug)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Test { path: String, op: Op, value: Value },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    Co,
    Sw,
    Ew,
    Pr,
}

impl Op {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "co" => Self::Co,
            "sw" => Self::Sw,
            "ew" => Self::Ew,
            "pr" => Self::Pr,
            _ => return None,
        })
    }
}

impl Filter {
    /// Parses a filter.
    pub(super) fn parse(text: &str) -> Result<Self, FilterError> {
        if text.chars().count() > MAX_CHARS {
            return Err(invalid("the filter is too long", MAX_CHARS));
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0, comparisons: 0, end: text.chars().count() };
        let root = parser.any(0)?;
        match parser.tokens.get(parser.at) {
            None => Ok(Self { only_event_type: root.only_event_type(), root }),
            Some((position, token)) => Err(invalid(&format!("unexpected {}", token.shown()), *position)),
        }
    }

    /// Returns whether the filter depends only on the event type, so that it can be tested without the event's JSON.
    pub(super) fn only_event_type(&self) -> bool {
        self.only_event_type
    }

    /// Returns whether an event matches the filter.
    pub(super) fn passes(&self, event: &Value) -> bool {
        self.root.passes(event)
    }
}

impl Node {
    fn only_event_type(&self) -> bool {
        match self {
            Self::Any(nodes) | Self::All(nodes) => nodes.iter().all(Self::only_event_type),
            Self::Not(node) => node.only_event_type(),
            Self::Test { path, .. } => path == "eventType",
        }
    }

    fn passes(&self, event: &Value) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.passes(event)),
            Self::All(nodes) => nodes.iter().all(|node| node.passes(event)),
            Self::Not(node) => !node.passes(event),
            Self::Test { path, op, value } => {
                let mut found = Vec::new();
                look_up(event, path, &mut found);
                test(&found, *op, value)
            }
        }
    }
}

/// Collects the values at a path. An array yields the values of each item. Keys below `debugData` and `detailEntry` may
/// contain dots, so the rest of the path is also tried as one key.
fn look_up<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| look_up(item, path, found)),
        Value::Object(_) if !path.is_empty() => {
            if let Some(inner) = value.get(path) {
                look_up(inner, "", found);
            } else if let Some((first, rest)) = path.split_once('.')
                && let Some(inner) = value.get(first)
            {
                look_up(inner, rest, found);
            }
        }
        _ if path.is_empty() => found.push(value),
        _ => {}
    }
}

fn test(found: &[&Value], op: Op, wanted: &Value) -> bool {
    match op {
        Op::Pr => found.iter().any(|value| !value.is_null()),
        Op::Ne => !test(found, Op::Eq, wanted),
        Op::Eq if wanted.is_null() => found.iter().all(|value| value.is_null()),
        _ => found.iter().any(|value| compare(value, op, wanted)),
    }
}

fn compare(value: &Value, op: Op, wanted: &Value) -> bool {
    if let (Value::Number(value), Value::Number(wanted)) = (value, wanted) {
        let (Some(value), Some(wanted)) = (value.as_f64(), wanted.as_f64()) else { return false };
        return match op {
            Op::Eq => value.total_cmp(&wanted).is_eq(),
            Op::Gt => value > wanted,
            Op::Ge => value >= wanted,
            Op::Lt => value < wanted,
            Op::Le => value <= wanted,
            _ => false,
        };
    }
    let (Some(value), Some(wanted)) = (plain(value), plain(wanted)) else { return false };
    match op {
        Op::Eq => value == wanted,
        Op::Gt => value > wanted,
        Op::Ge => value >= wanted,
        Op::Lt => value < wanted,
        Op::Le => value <= wanted,
        Op::Co => value.contains(&wanted),
        Op::Sw => value.starts_with(&wanted),
        Op::Ew => value.ends_with(&wanted),
        Op::Ne | Op::Pr => false,
    }
}

/// Returns a scalar as text, since `version` is a number in some events and a string in others.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn invalid(what: &str, position: usize) -> FilterError {
    FilterError::Invalid { what: what.to_owned(), position }
}

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Open,
    Close,
    Text(String),
    Word(String),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Open => "'('".to_owned(),
            Self::Close => "')'".to_owned(),
            Self::Text(text) => format!("text \"{text}\""),
            Self::Word(word) => format!("'{word}'"),
        }
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(wanted))
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((position, first)) = chars.next() {
        let token = match first {
            blank if blank.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '"' => {
                let mut literal = String::from('"');
                let mut escaped = false;
                loop {
                    let Some((_, next)) = chars.next() else {
                        return Err(invalid("the string is not terminated", position));
                    };
                    literal.push(next);
                    if next == '"' && !escaped {
                        break;
                    }
                    escaped = next == '\\' && !escaped;
                }
                let text = serde_json::from_str(&literal)
                    .map_err(|_| invalid("the string has an invalid escape", position))?;
                Token::Text(text)
            }
            _ => {
                let mut word = String::from(first);
                while let Some((_, next)) = chars.next_if(|(_, c)| !c.is_whitespace() && !"()\"".contains(*c))
                {
                    word.push(next);
                }
                Token::Word(word)
            }
        };
        tokens.push((position, token));
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    comparisons: usize,
    end: usize,
}

impl Parser {
    fn next(&mut self) -> Option<(usize, Token)> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn next_is(&mut self, word: &str) -> bool {
        let is = self.tokens.get(self.at).is_some_and(|(_, token)| token.is_word(word));
        self.at += usize::from(is);
        is
    }

    fn any(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all(depth)?];
        while self.next_is("or") {
            nodes.push(self.all(depth)?);
        }
        Ok(Node::Any(nodes))
    }

    fn all(&mut self, depth: usize) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one(depth)?];
        while self.next_is("and") {
            nodes.push(self.one(depth)?);
        }
        Ok(Node::All(nodes))
    }

    fn one(&mut self, depth: usize) -> Result<Node, FilterError> {
        let Some((position, token)) = self.next() else {
            return Err(invalid("an attribute is missing", self.end));
        };
        if depth > MAX_DEPTH {
            return Err(invalid("too many nested parentheses", position));
        }
        match token {
            Token::Open => {
                let node = self.any(depth + 1)?;
                match self.next() {
                    Some((_, Token::Close)) => Ok(node),
                    Some((position, other)) => {
                        Err(invalid(&format!("expected ')' and found {}", other.shown()), position))
                    }
                    None => Err(invalid("a ')' is missing", self.end)),
                }
            }
            Token::Word(word) if word.eq_ignore_ascii_case("not") => {
                Ok(Node::Not(Box::new(self.one(depth + 1)?)))
            }
            Token::Word(path) => self.comparison(path, position),
            Token::Close | Token::Text(_) => {
                Err(invalid(&format!("expected an attribute and found {}", token.shown()), position))
            }
        }
    }

    fn comparison(&mut self, path: String, position: usize) -> Result<Node, FilterError> {
        self.comparisons += 1;
        if self.comparisons > MAX_COMPARISONS {
            return Err(invalid("too many comparisons", position));
        }
        if !is_known(&path) {
            return Err(invalid(&format!("unrecognized attribute '{path}'"), position));
        }
        let Some((position, token)) = self.next() else {
            return Err(invalid("an operator is missing", self.end));
        };
        let Token::Word(word) = &token else {
            return Err(invalid(&format!("expected an operator and found {}", token.shown()), position));
        };
        let Some(op) = Op::from_word(word) else {
            return Err(invalid(&format!("unrecognized operator '{word}'"), position));
        };
        if op == Op::Co
            && matches!(path.as_str(), "debugContext.debugData.url" | "debugContext.debugData.requestUri")
        {
            return Err(FilterError::Unsupported { path, op: word.clone() });
        }
        if op == Op::Pr {
            return Ok(Node::Test { path, op, value: Value::Null });
        }
        let value = match self.next() {
            Some((_, Token::Text(text))) => Value::String(text),
            Some((position, Token::Word(word))) => serde_json::from_str(&word)
                .map_err(|_| invalid(&format!("expected a value and found '{word}'"), position))?,
            Some((position, other)) => {
                return Err(invalid(&format!("expected a value and found {}", other.shown()), position));
            }
            None => return Err(invalid("a value is missing", self.end)),
        };
        if value.is_array() || value.is_object() {
            return Err(invalid("a value must be a string, a number, a boolean or null", position));
        }
        Ok(Node::Test { path, op, value })
    }
}

fn is_known(path: &str) -> bool {
    KNOWN.iter().any(|known| {
        if known.ends_with('.') {
            path.starts_with(known) && path.len() > known.len()
        } else {
            *known == path
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(text: &str) -> bool {
        let event = json!({
            "uuid": "7c0e9a52-1111-11ef-9a5c-0242ac120002", "eventType": "app.oauth2.as.consent.grant", "version": 0,
            "actor": {"id": "00uAAAAAAAAAAAAAA1d7", "alternateId": "ada@example.test", "detailEntry": null},
            "outcome": {"result": "SUCCESS", "reason": null},
            "securityContext": {"asNumber": 64500, "isProxy": false},
            "debugContext": {"debugData": {"requestUri": "/idp/idx/consent", "a.b": "dotted \"quote\""}},
            "target": [{"id": "oag1", "displayName": "orders.read"}, {"id": "oag2", "displayName": "openid"}]
        });
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).passes(&event)
    }

    fn position(text: &str) -> usize {
        match Filter::parse(text) {
            Err(FilterError::Invalid { position, .. }) => position,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn operators_compare() {
        for text in [
            r#"eventType eq "app.oauth2.as.consent.grant""#,
            r#"eventType sw "app.oauth2.as""#,
            r#"eventType ew ".grant""#,
            r#"eventType co "oauth2""#,
            r#"eventType ne "user.session.start""#,
            r#"uuid gt "7c" and uuid lt "7d""#,
            r#"uuid ge "7c0e9a52-1111-11ef-9a5c-0242ac120002" and uuid le "7c0e9a52-1111-11ef-9a5c-0242ac120002""#,
            "actor.id pr",
            "not (outcome.reason pr)",
            "outcome.reason eq null",
            "actor.detailEntry.x eq null",
            "securityContext.asNumber gt 64000 and securityContext.asNumber le 64500.0",
            "securityContext.isProxy eq false",
            r#"version eq "0""#,
            r#"debugContext.debugData.a.b eq "dotted \"quote\"""#,
            r#"debugContext.debugData.requestUri eq "/idp/idx/consent""#,
        ] {
            assert!(passes(text), "{text}");
        }
        for text in [
            r#"eventType eq "app.oauth2.as.consent""#,
            r#"eventType eq "APP.OAUTH2.AS.CONSENT.GRANT""#,
            "client.id pr",
            r#"securityContext.asNumber sw "645" and securityContext.asNumber lt 1"#,
            r#"target eq "oag1""#,
        ] {
            assert!(!passes(text), "{text}");
        }
    }

    #[test]
    fn an_array_stands_for_each_of_its_items() {
        assert!(passes(r#"target.id eq "oag1" and target.id eq "oag2""#));
        assert!(!passes(r#"target.id ne "oag1""#));
        assert!(!passes(r#"target.displayName eq "profile""#));
    }

    #[test]
    fn and_binds_before_or() {
        let (yes, no) = (r#"eventType sw "app""#, r#"eventType sw "user""#);
        assert!(passes(&format!("{yes} or {no} and {no}")));
        assert!(!passes(&format!("({yes} or {no}) and {no}")));
        assert!(passes(&format!("NOT {no} AND ({yes})")));
        assert!(passes(&format!("not not {yes}")));
    }

    #[test]
    fn refusals_name_the_place() {
        assert_eq!(position(""), 0);
        assert_eq!(position("  "), 2);
        assert_eq!(position(r#"eventType eqq "x""#), 10);
        assert_eq!(position("eventType eq"), 12);
        assert_eq!(position("eventType eq x"), 13);
        assert_eq!(position(r#"eventType eq "x"#), 13);
        assert_eq!(position(r#"eventType eq "x" eventType"#), 17);
        assert_eq!(position(r#"(eventType eq "x""#), 17);
        assert_eq!(position(r#"eventType eq "x")"#), 16);
        assert_eq!(position(r#""x" eq eventType"#), 0);
        assert_eq!(position(r#"éventType eq "x""#), 0);
        assert_eq!(position(r#"published gt "2026""#), 0);
        assert_eq!(position("target.changeDetails pr"), 0);
        assert_eq!(position("target.changeDetails.from pr"), 0);
        assert_eq!(position("eventtype pr"), 0);
        assert_eq!(position(r#"target[type eq "User"] pr"#), 0);
        assert_eq!(position("debugContext.debugData. pr"), 0);
        assert_eq!(position(r#"eventType eq "\q""#), 13);
        assert_eq!(
            Filter::parse(r#"debugContext.debugData.url co "consent""#),
            Err(FilterError::Unsupported {
                path: "debugContext.debugData.url".to_owned(),
                op: "co".to_owned()
            })
        );
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = |depth: usize| format!("{}eventType pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Filter::parse(&nested(MAX_DEPTH)).is_ok());
        assert!(Filter::parse(&nested(MAX_DEPTH + 1)).is_err());
        assert!(Filter::parse(&"(".repeat(MAX_CHARS)).is_err());
        assert!(Filter::parse(&"not ".repeat(900)).is_err());
        assert!(Filter::parse(&vec!["eventType pr"; MAX_COMPARISONS].join(" or ")).is_ok());
        assert!(Filter::parse(&vec!["eventType pr"; MAX_COMPARISONS + 1].join(" or ")).is_err());
        assert!(Filter::parse(&"x".repeat(MAX_CHARS + 1)).is_err());
    }

    #[test]
    fn it_knows_when_the_type_alone_decides() {
        let only = |text| Filter::parse(text).unwrap().only_event_type();
        assert!(only(r#"eventType eq "a" or not (eventType sw "b")"#));
        assert!(!only(r#"eventType eq "a" or actor.id pr"#));
    }
}
