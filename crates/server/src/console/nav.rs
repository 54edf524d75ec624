//! The console's navigation: where a viewer may go. Decided here alone, by asking for the scope that each page needs.

use keystead_domain::Actor;

use super::view::NavLink;

/// The pages that an actor may open, in order. `path` is where they are.
pub(super) fn links(actor: &Actor, path: &str) -> Vec<NavLink> {
    let (people, settings) = (actor.people().is_ok(), actor.settings().is_ok());
    let page = |may_open: bool, href: &'static str, label, icon, about| {
        let below = path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        may_open.then_some(NavLink { href, label, icon, about, current: below })
    };
    [
        page(
            true,
            "/settings/api-keys",
            "API Keys",
            "key",
            "Make, find and revoke the tokens that let scripts, integrations and tools in.",
        ),
        page(people, "/settings/users", "Users", "people", "Invite people, and decide what each may do."),
        page(
            people,
            "/settings/roles",
            "Roles",
            "role",
            "Name what may be done, once for all who may do it.",
        ),
        page(people, "/settings/groups", "Groups", "group", "Give roles to several people together."),
        page(
            settings,
            "/settings/email-access",
            "Email Access Control",
            "mail",
            "Say by domain and address who may be let in.",
        ),
        page(
            settings,
            "/settings/key-policy",
            "API key policy",
            "policy",
            "Bound how long new keys last, or close creation on a bad day.",
        ),
        page(
            actor.audit_log().is_ok(),
            "/settings/audit-log",
            "Audit log",
            "log",
            "See who did what, when and from where.",
        ),
        page(
            actor.site().is_ok(),
            "/settings/organizations",
            "Organizations",
            "site",
            "Make and archive the organizations of this server.",
        ),
        page(
            actor.site().is_ok(),
            "/settings/nodes",
            "Nodes",
            "node",
            "See which machines serve, and how far each is.",
        ),
        page(
            true,
            "/settings/connected-apps",
            "Connected apps",
            "app",
            "See which apps act for you, and disconnect them.",
        ),
        page(
            true,
            "/settings/account",
            "Account",
            "person",
            "Your name, your password, and where you are signed in.",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
