use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{EmailAccess, IdGenerator};

fn event(action: &str, details: &Value) -> Event {
    Event {
        organization: IdGenerator::default().next(Timestamp::UNIX_EPOCH, [1; 8]),
        sequence: 1,
        at: Timestamp::UNIX_EPOCH,
        user: None,
        via: "operator".into(),
        via_id: None,
        address: None,
        action: action.into(),
        target: Some([7; 16]),
        details: details.to_string(),
    }
}

fn taken(action: &str, details: &Value) -> (Taken, bool) {
    match Effect::of(&event(action, details)) {
        Effect::Took { taken, exact } => (taken, exact),
        other => panic!("{action} {details}: {other:?}"),
    }
}

fn roles(told: &[(&str, &[&str])]) -> Assignments {
    let scopes = |ids: &[&str]| ids.iter().map(|id| ResourceId::parse(id).unwrap()).collect();
    told.iter()
        .map(|(role, ids)| Assignment { role: RoleId::parse(role).unwrap(), scopes: scopes(ids) })
        .collect()
}

#[test]
fn every_action_is_known_to_a_replay() {
    for action in Action::ALL {
        assert_ne!(Effect::of(&event(action.name(), &json!({}))), Effect::Unknown, "{}", action.name());
    }
    assert_eq!(Effect::of(&event("key.melted", &json!({}))), Effect::Unknown);
}

#[test]
fn roles_are_bounded_by_what_the_event_says_and_by_nothing_at_all_if_it_does_not() {
    let user = UserId::from_slice(&[7; 16]).unwrap();
    let after = json!({ "after": ["member", { "role": "support", "scopes": ["a", "b"] }] });
    let bound = roles(&[("member", &[]), ("support", &["a", "b"])]);
    assert_eq!(taken("user.roles_set", &after), (Taken::UserRoles(user, bound), true));
    for unknown in [json!({}), json!({ "after": [7] }), json!({ "after": [{ "role": "x", "scopes": [] }] })] {
        let none = (Taken::UserRoles(user, Assignments::default()), false);
        assert_eq!(taken("user.roles_set", &unknown), none, "{unknown}");
    }
    let (Taken::RolePermissions(_, none), false) = taken("role.updated", &json!({ "after": {} })) else {
        panic!("the safe side is no permission")
    };
    assert!(none.is_empty());
    let (Taken::KeyPolicy(closed), false) = taken("key_policy.set", &json!({})) else { panic!() };
    assert!(closed.closed.is_some(), "a policy that is not known lets nobody create a key");
}

#[test]
fn what_is_held_within_a_bound_is_what_both_have() {
    let held = roles(&[("administrator", &[]), ("support", &["a", "b"]), ("wide", &[]), ("apart", &["a"])]);
    let bound = roles(&[("support", &["b", "c"]), ("wide", &["x"]), ("apart", &["b"]), ("more", &[])]);
    assert_eq!(held.within(&bound), roles(&[("support", &["b"]), ("wide", &["x"])]));
    assert_eq!(held.within(&held), held);
}

#[test]
fn a_policy_within_another_is_the_stricter_of_both() {
    let strict = KeyPolicy { longest: Expiration::Days7, keys_may_create_keys: false, closed: None };
    let wide = KeyPolicy::default();
    assert_eq!(wide.within(&strict), strict);
    assert_eq!(strict.within(&wide), strict);
}

#[test]
fn a_new_address_is_taken_over_and_a_new_name_alone_takes_nothing() {
    let change = |email: &str| json!({ "before": { "name": "A", "email": "a@example.com" }, "after": { "name": "B", "email": email } });
    assert_eq!(Effect::of(&event("user.updated", &change("a@example.com"))), Effect::Nothing);
    let (Taken::Address(_, Some((name, email))), true) = taken("user.updated", &change("b@example.com"))
    else {
        panic!()
    };
    assert_eq!((name.as_str(), email.as_str()), ("B", "b@example.com"));
    assert!(matches!(taken("user.updated", &json!({})), (Taken::Address(_, None), false)));
}

#[test]
fn rules_of_email_access_are_repeated_but_none_that_kept_somebody_out_is_lifted() {
    let lists = |allow: &[&str], block: &[&str]| {
        let rule = |list, text: &&str| (list, RuleKind::Domain, (*text).to_owned());
        let allow = allow.iter().map(|text| rule(EmailList::Allow, text));
        EmailAccess::from_stored(allow.chain(block.iter().map(|text| rule(EmailList::Block, text))))
    };
    let none = json!({ "added": [], "removed": [] });
    let change = |allow: &Value, block: &Value| json!({ "allow_domain": allow, "allow_address": none, "block_domain": block, "block_address": none });
    let after = |before: &EmailAccess, details: &Value| {
        let (Taken::EmailAccess { added, removed }, true) = taken("email_access.set", details) else {
            panic!("{details}")
        };
        before.within_change(&added, &removed)
    };
    let before = lists(&["a.example"], &["x.example"]);
    let swap = json!({ "added": ["b.example"], "removed": ["a.example"] });
    assert_eq!(after(&before, &change(&swap, &none)), lists(&["b.example"], &["x.example"]));
    let lifted = json!({ "added": [], "removed": ["a.example"] });
    assert_eq!(after(&before, &change(&lifted, &none)), before, "an empty list lets everybody in");
    let block = json!({ "added": ["y.example"], "removed": ["x.example"] });
    assert_eq!(after(&before, &change(&none, &block)), lists(&["a.example"], &["x.example", "y.example"]));
    assert!(!matches!(taken("email_access.set", &json!({})), (_, true)));
}
