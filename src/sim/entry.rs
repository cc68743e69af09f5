//! Entries of the simulated log, before they are written as JSON.

use uuid::Uuid;

/// The event types of the story, with Okta's names (event types catalog).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum EventType {
    Grant,
    Revoke,
    RevokeUser,
    RevokeUserClient,
    RevokeServerGone,
    RevokeClientGone,
    RevokeScopeGone,
    RevokeUserGone,
    OrgGrant,
    AdminGrant,
    AdminRevoke,
    SessionStart,
    SignOn,
    AuthorizeCode,
    AccessToken,
    HookDelivery,
    ServerUpdated,
}

impl EventType {
    /// Returns the event type, the legacy event type (which may be empty) and the display message.
    pub(super) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Grant => {
                ["app.oauth2.as.consent.grant", "app.oauth2.as.consent.grant_success", "Consent granted"]
            }
            Self::Revoke => {
                ["app.oauth2.as.consent.revoke", "app.oauth2.as.consent.revoke_success", "Consent revoked"]
            }
            Self::RevokeUser => [
                "app.oauth2.as.consent.revoke.user",
                "app.oauth2.as.consent.revoke.user_success",
                "Revoke all consents for user",
            ],
            Self::RevokeUserClient => [
                "app.oauth2.as.consent.revoke.user.client",
                "app.oauth2.as.consent.revoke.user.client_success",
                "Revoke all consents of user for client",
            ],
            Self::RevokeServerGone => [
                "app.oauth2.as.consent.revoke.implicit.as",
                "app.oauth2.as.consent.revoke.implicit.as_success",
                "Consent revoked with authorization server",
            ],
            Self::RevokeClientGone => [
                "app.oauth2.as.consent.revoke.implicit.client",
                "app.oauth2.as.consent.revoke.implicit.client_success",
                "Consent revoked with client",
            ],
            Self::RevokeScopeGone => [
                "app.oauth2.as.consent.revoke.implicit.scope",
                "app.oauth2.as.consent.revoke.implicit.scope_success",
                "Consent revoked with scope",
            ],
            Self::RevokeUserGone => [
                "app.oauth2.as.consent.revoke.implicit.user",
                "app.oauth2.as.consent.revoke.implicit.user_success",
                "Consent revoked with user",
            ],
            Self::OrgGrant => ["app.oauth2.consent.grant", "", "Consent granted at the org"],
            Self::AdminGrant => ["app.oauth2.admin.consent.grant", "", "API scope granted to app"],
            Self::AdminRevoke => ["app.oauth2.admin.consent.revoke", "", "API scope taken from app"],
            Self::SessionStart => {
                ["user.session.start", "core.user_auth.login_success", "User login to Okta"]
            }
            Self::SignOn => ["user.authentication.sso", "app.auth.sso", "User single sign on to app"],
            Self::AuthorizeCode => [
                "app.oauth2.as.authorize.code",
                "app.oauth2.as.authorize.code_success",
                "OIDC authorization code request",
            ],
            Self::AccessToken => [
                "app.oauth2.as.token.grant.access_token",
                "app.oauth2.as.token.grant.access_token_success",
                "OIDC access token is granted",
            ],
            // Okta logs it only for failed deliveries (event types catalog).
            Self::HookDelivery => ["event_hook.delivery", "", "Event hook delivery"],
            Self::ServerUpdated => ["oauth2.as.updated", "", "Authorization server is updated"],
        }
    }

    /// Returns the word for its kind of consent event, or `None` if it is not about consent.
    pub(super) fn kind(self) -> Option<&'static str> {
        match self {
            Self::Grant => Some("grant"),
            Self::OrgGrant => Some("org_grant"),
            Self::AdminGrant => Some("admin_grant"),
            Self::AdminRevoke => Some("admin_revoke"),
            Self::SessionStart
            | Self::SignOn
            | Self::AuthorizeCode
            | Self::AccessToken
            | Self::HookDelivery
            | Self::ServerUpdated => None,
            _ => Some("revoke"),
        }
    }
}

/// A deviation from Okta's documentation that occurs in recorded events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Oddity {
    TargetNull,
    TargetMissing,
    OutcomeNull,
    PlaceNull,
    AddressNull,
    ClientBlank,
    ClientMissing,
    KeysMissing,
    VersionNumber,
    PostalNumber,
    DebugText,
    DebugNested,
    UnknownKeys,
    SeverityHigh,
    WholeSecond,
    SessionUnknown,
}

impl Oddity {
    /// Every oddity.
    pub(super) const ALL: [Self; 16] = [
        Self::WholeSecond,
        Self::VersionNumber,
        Self::UnknownKeys,
        Self::PlaceNull,
        Self::AddressNull,
        Self::PostalNumber,
        Self::SeverityHigh,
        Self::DebugText,
        Self::OutcomeNull,
        Self::KeysMissing,
        Self::ClientBlank,
        Self::DebugNested,
        Self::ClientMissing,
        Self::SessionUnknown,
        Self::TargetNull,
        Self::TargetMissing,
    ];
}

/// The actor of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ActorOf {
    /// The person (or the admin).
    User,
    /// Okta's system; the targets name the person.
    System,
    /// Okta's system, and nothing in the event names the person.
    SystemAlone,
    /// The client.
    Client,
}

/// One granted or revoked scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) user: u16,
    pub(super) app: u16,
    pub(super) server: u8,
    /// An index into the scopes of the server, of the org server or of the Okta API, depending on the event type.
    pub(super) scope: u8,
    /// The number of the grant. Together with the scope it determines the `oag` id.
    pub(super) grant: u32,
}

/// One event of the log, before it is written as JSON.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) uuid: Uuid,
    /// When it happened, in milliseconds since 1970.
    pub(super) published_ms: i64,
    /// When the log stored it. Polling queries are in this order.
    pub(super) persisted_ms: i64,
    pub(super) event: EventType,
    pub(super) actor: ActorOf,
    pub(super) user: u16,
    pub(super) app: u16,
    pub(super) server: u8,
    pub(super) failed: bool,
    pub(super) oddity: Option<Oddity>,
    /// The sign-in session, as a number that determines its id.
    pub(super) session: u64,
    /// The seed for everything else in the JSON.
    pub(super) seed: u64,
    pub(super) targets: Box<[Target]>,
}
