//! Entries of the simulated log, before they are written out as JSON.

use uuid::Uuid;

/// The types of events that the story tells; the names are Okta's (event types catalog).
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
    /// Returns the name in the catalog, the old name and the display message.
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
            // Written for deliveries that failed only (event types catalog).
            Self::HookDelivery => ["event_hook.delivery", "", "Event hook delivery"],
            Self::ServerUpdated => ["oauth2.as.updated", "", "Authorization server is updated"],
        }
    }

    /// Returns the word of its kind, or none when it is not about consent.
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

/// Something in an event that is not as the documents say, and that occurs all the same.
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

/// Who stands in an event as its actor.
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
    /// Index into the scopes of the server, of the org, or of the Okta API, as the event's type says.
    pub(super) scope: u8,
    /// The number of the grant that brought it; with the scope it decides the `oag` id.
    pub(super) grant: u32,
}

/// One event of the log, before it is written out.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) uuid: Uuid,
    /// When it happened, in milliseconds since 1970.
    pub(super) published_ms: i64,
    /// When the log got it; the order of a polling query.
    pub(super) persisted_ms: i64,
    pub(super) event: EventType,
    pub(super) actor: ActorOf,
    pub(super) user: u16,
    pub(super) app: u16,
    pub(super) server: u8,
    pub(super) failed: bool,
    pub(super) oddity: Option<Oddity>,
    /// The sign-in session, as a number that decides its id.
    pub(super) session: u64,
    /// Decides everything else that is written.
    pub(super) seed: u64,
    pub(super) targets: Box<[Target]>,
}
