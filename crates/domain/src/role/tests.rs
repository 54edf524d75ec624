use super::*;

fn own(number: u128, name: &str, permissions: &[&str]) -> Role {
    let permissions: Vec<String> = permissions.iter().map(|&name| name.to_owned()).collect();
    Role {
        id: OwnRoleId::from_u128(number).into(),
        name: RoleName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        permissions: Role::parse_permissions(&permissions).unwrap(),
        origin: RoleOrigin::Organization,
    }
}

fn set(role: &RoleId, scopes: &[String], book: &RoleBook) -> PermissionSet {
    Assignments::parse([(role.as_str(), scopes)]).unwrap().permissions(book)
}

#[test]
fn administrators_hold_every_permission_and_are_listed_with_those_that_roles_name() {
    let book = RoleBook::new(&[], &[own(1, "Analyst", &["reports:read"])]);
    let administrator = set(&RoleId::ADMINISTRATOR, &[], &book);
    assert_eq!(
        administrator.to_string(),
        "audit:read,iam:read,iam:write,impersonation:grant,keys:read_all,keys:revoke_all,reports:read,settings:write"
    );
    assert!(administrator.contains(&Permission::parse("never:named").unwrap()));
    assert!(!administrator.contains(&Permission::ORGANIZATIONS_MANAGE));
    assert_eq!(set(&RoleId::MEMBER, &[], &book).to_string(), "");
    assert_eq!(set(&RoleId::SITE_ADMINISTRATOR, &[], &book).to_string(), "organizations:manage");
}

#[test]
fn a_role_that_is_gone_gives_nothing_and_a_limited_built_in_role_neither() {
    let book = RoleBook::new(&[], &[]);
    assert_eq!(set(&OwnRoleId::from_u128(1).into(), &[], &book), PermissionSet::default());
    assert_eq!(set(&RoleId::ADMINISTRATOR, &["a".to_owned()], &book), PermissionSet::default());
}

#[test]
fn a_role_named_twice_is_held_on_all_resources_and_everywhere_is_the_widest() {
    let (a, b) = (["a".to_owned()], ["b".to_owned()]);
    let both = Assignments::parse([("support", &a[..]), ("support", &b[..])]).unwrap();
    assert_eq!(both.iter().next().unwrap().1.len(), 2);
    for order in [[&a[..], &[]], [&[], &a[..]]] {
        let wide = Assignments::parse(order.map(|scopes| ("support", scopes))).unwrap();
        assert!(wide.iter().next().unwrap().1.is_empty());
    }
}

#[test]
fn assignments_are_checked_against_the_roles_that_exist() {
    let book = RoleBook::new(&[Role::of_deployment("support", "", &[]).unwrap()], &[]);
    let check = |role: &str, scopes: &[String]| Assignments::parse([(role, scopes)]).unwrap().check(&book);
    assert_eq!(check("support", &["a".to_owned()]), Ok(()));
    assert_eq!(check("nothing", &[]), Err(Error::NotFound("role")));
    assert!(matches!(check("member", &["a".to_owned()]), Err(Error::Invalid { field: Field::Scopes, .. })));
}

#[test]
fn a_deployments_role_cannot_take_the_name_of_a_built_in_one_or_look_like_an_organizations() {
    let uuid = OwnRoleId::from_u128(1).to_string();
    for taken in ["administrator", "site_administrator", "Support", "", &uuid] {
        assert!(Role::of_deployment(taken, "", &[]).is_err(), "{taken}");
    }
    let site = ["organizations:manage".to_owned()];
    assert!(Role::of_deployment("support", "", &site).is_err(), "nobody reaches beyond their organization");
}

#[test]
fn roles_have_unique_names_and_are_bounded() {
    let book = RoleBook::new(&[], &[own(1, "Analyst", &["reports:read"])]);
    assert!(matches!(book.check_fits(&own(2, "ANALYST", &[])), Err(Error::Conflict(_))));
    assert!(matches!(book.check_fits(&own(2, "member", &[])), Err(Error::Conflict(_))));
    assert_eq!(book.check_fits(&own(1, "analyst", &[])), Ok(()), "a role may keep its own name");
    let many: Vec<String> = (0..40).map(|n| format!("{n:099}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(book.check_fits(&own(2, "Wide", &many)), Err(Error::Conflict(_))));
    let full: Vec<Role> = (1..=100).map(|n| own(n, &format!("Role {n}"), &[])).collect();
    assert!(RoleBook::new(&[], &full).check_fits(&own(200, "One more", &[])).is_err());
}
