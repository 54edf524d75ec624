//! The rules of Keystead as types and pure functions.
//!
//! Nothing here does I/O, reads a clock or draws randomness: `now` and random bytes are arguments. The doors (console,
//! GraphQL, HTTP, command line) parse into these types and render them; the store and the directory keep them. A rule that
//! is not here is in the wrong place.
//!
//! What an actor may do is decided by [`Actor`]: its methods hand out scopes ([`KeyScope`], [`AuditScope`], …) that cannot
//! be made any other way, and the store's queries take nothing else. A forgotten permission check does not compile.

mod actor;
mod attributes;
pub mod audit;
mod backoff;
mod clocks;
mod cursor;
mod email_access;
mod error;
mod expiration;
mod feed;
pub mod hex;
mod ids;
mod impersonation;
mod issuing;
mod key;
mod key_policy;
mod lease;
mod node;
mod oauth;
mod organization;
mod page;
mod password;
mod people;
mod permission;
mod rate;
mod role;
mod session;
mod session_token;
mod signing_ring;
mod text;
mod throttle;
mod user;

pub use actor::{Actor, AuditScope, KeyScope, NewKeyGrant, Operator, Via, View};
pub use attributes::UserAttributes;
pub use backoff::backoff;
pub use clocks::{CLOCKS_DIFFER_BY, clock_error};
pub use email_access::{EmailAccess, EmailList, EmailRule, MAX_EMAIL_RULES, RuleKind, Verdict};
pub use error::{Error, Field};
pub use expiration::Expiration;
pub use feed::{Change, ConnectionRecord, KeyRecord, SealedKeys};
pub use ids::{
    AccessTokenId, ConnectionId, GroupId, IdGenerator, KeyId, NodeId, OrganizationId, OwnRoleId,
    RegisteredClientId, SessionId, UserId,
};
pub use impersonation::{
    Impersonation, Impersonator, NewImpersonation, SessionAttributes, SessionLifetime, minting_rate,
    target_email,
};
pub use issuing::{Issuing, IssuingStop};
pub use key::{ApiKey, EXPIRING_SOON, KeyEdit, Status};
pub use key_policy::KeyPolicy;
pub use lease::{Committed, LeaseTerms, Leases, NodeStatus, Reach};
pub use node::{Node, Nodes};
pub use oauth::{
    AccessClaims, AnswerTo, AuthorizationParameters, AuthorizationRequest, AuthorizedClient,
    BadClientMetadata, ClientId, ClientIdUrl, ClientMetadata, CodeChallenge, ConnectedApp, ConnectionEnd,
    ConnectionScope, Issuer, MCP_SCOPE, NewConnection, OauthLifetimes, OauthRefusal, RedirectUri,
    RefreshStanding, RefreshUse, check_resource,
};
pub use organization::{GROUPS_MAX, Group, Organization, OrganizationRecord, OrganizationState};
pub use page::{Cursor, KeyFilter, MAX_PAGE_SIZE, PageRequest};
pub use password::{NewPassword, PASSWORD_MAX, PASSWORD_MIN};
pub use people::{
    PeopleGrant, PeopleScope, SettingsGrant, SiteGrant, UserFilter, UserGrant, UserPage, UserStatus,
};
pub use permission::{Permission, PermissionSet, ResourceId};
pub use rate::Rate;
pub use role::{
    ASSIGNMENTS_MAX, Assignment, Assignments, PERMISSION_NAMES_MAX, ROLE_PERMISSIONS_MAX, ROLES_MAX, Role,
    RoleBook, RoleId, RoleOrigin, SCOPES_MAX,
};
pub use session::{Lifetimes, Session, UserAgent};
pub use session_token::{ActingParty, BadSessionToken, SESSION_TOKEN_TYPE, SessionClaims};
pub use signing_ring::{CLOCK_SKEW, SigningKeyInfo, SigningRing};
pub use text::{
    ClientName, Description, Email, GroupName, KeyName, OrganizationName, PersonName, PolicyMessage,
    RoleName, SearchText, StopReason,
};
pub use throttle::{Subject, Throttle};
pub use user::{Standing, User, UserRecord};
