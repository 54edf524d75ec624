//! Lists: what they show, in which order.

use keystead_domain::{
    Description, EXPIRING_SOON, Error, Field, KeyFilter, KeyName, KeyScope, PageRequest, RoleId, SearchText,
    Status,
};

use crate::harness::{Harness, now, seconds};
use crate::people::{all, own};

async fn names(harness: &Harness, scope: &KeyScope, filter: &KeyFilter) -> Vec<String> {
    let page = PageRequest { first: 100, after: None };
    let page = harness.store.keys(scope, filter, &page, now()).await.unwrap();
    assert_eq!(
        harness.store.count_keys(scope, filter, now()).await.unwrap(),
        page.keys.len() as u64,
        "the count is of what the list shows"
    );
    page.keys.into_iter().map(|key| key.name.to_string()).collect()
}

fn search(text: &str) -> KeyFilter {
    KeyFilter { search: SearchText::parse(text).unwrap(), status: None }
}

#[tokio::test]
async fn keys_that_work_come_first_newest_first_then_expired_ones_newest_first() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    for (name, expires_at) in [
        ("old expired", Some(seconds(-100))),
        ("old", None),
        ("soon", Some(seconds(100))),
        ("new expired", Some(seconds(-1))),
        ("new", Some(seconds(100_000_000))),
    ] {
        harness.create(&user, &harness.new_key(name, expires_at)).await.unwrap();
    }
    for scope in [own(&user), all(&user)] {
        assert_eq!(
            names(&harness, &scope, &KeyFilter::default()).await,
            ["new", "soon", "old", "new expired", "old expired"]
        );
    }
}

#[tokio::test]
async fn each_status_lists_exactly_the_keys_that_have_it_to_the_second() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let week = EXPIRING_SOON.as_secs();
    let ends: Vec<_> = [-1, 0, 1, week - 1, week, week + 1].map(|end| Some(seconds(end))).into();
    let ends = [ends, vec![None]].concat();
    for (at, end) in ends.iter().enumerate() {
        harness.create(&user, &harness.new_key(&format!("key {at}"), *end)).await.unwrap();
    }
    for moment in [now(), seconds(0), seconds(1)] {
        for status in [Status::Active, Status::ExpiringSoon, Status::Expired] {
            let filter = KeyFilter { search: None, status: Some(status) };
            let page = PageRequest { first: 100, after: None };
            let page = harness.store.keys(&own(&user), &filter, &page, moment).await.unwrap();
            let expected = ends.iter().filter(|end| Status::at(**end, moment) == status).count();
            assert_eq!(page.keys.len(), expected, "{status:?} at {moment}");
            assert!(page.keys.iter().all(|key| key.status(moment) == status), "{status:?} at {moment}");
            assert_eq!(
                harness.store.count_keys(&own(&user), &filter, moment).await.unwrap(),
                expected as u64
            );
        }
    }
}

#[tokio::test]
async fn a_search_means_its_characters_in_name_description_and_masked_token_without_case() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let mut masked = String::new();
    for (name, description) in [
        ("100% done", "first"),
        ("100 done", "second"),
        ("snake_case", "third"),
        ("snakeXcase", "fourth"),
        (r"back\slash", "Fünfte"),
    ] {
        let mut key = harness.new_key(name, None);
        key.description = Description::parse(description).unwrap();
        key.masked.as_str().clone_into(&mut masked);
        harness.create(&user, &key).await.unwrap();
    }
    for (text, expected) in [
        ("100%", &["100% done"][..]),
        ("snake_c", &["snake_case"]),
        (r"\", &[r"back\slash"]),
        ("SNAKE", &["snakeXcase", "snake_case"]),
        ("fÜNFTE", &[r"back\slash"]),
        ("second", &["100 done"]),
        (&masked.to_uppercase(), &[r"back\slash"]),
        ("done first", &[]),
        ("'; DROP TABLE api_keys --", &[]),
    ] {
        assert_eq!(names(&harness, &own(&user), &search(text)).await, expected, "{text}");
    }
}

#[tokio::test]
async fn filters_combine_and_edits_are_found_by_their_new_text_only() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    harness.create(&user, &harness.new_key("deploy", Some(seconds(-1)))).await.unwrap();
    let key = harness.key(&user, "deploy").await;
    harness.key(&user, "other").await;
    let deploy = KeyFilter { status: Some(Status::Active), ..search("deploy") };
    assert_eq!(names(&harness, &own(&user), &deploy).await, ["deploy"]);

    let mut change = harness.begin().await;
    let key = change.key(&own(&user), key.id).await.unwrap().unwrap();
    let edit = keystead_domain::KeyEdit {
        name: KeyName::parse("Renamed").unwrap(),
        description: Description::parse("Note").unwrap(),
    };
    change.update_key(&own(&user), &key, &edit).await.unwrap();
    change.commit().await.unwrap();
    assert!(names(&harness, &own(&user), &deploy).await.is_empty());
    assert_eq!(names(&harness, &own(&user), &search("note")).await, ["Renamed"]);
}

#[tokio::test]
async fn revoked_keys_are_gone_from_every_list_and_expired_ones_can_be_revoked() {
    let harness = Harness::new().await;
    let user = harness.somebody().await;
    let key = harness.new_key("expired", Some(seconds(-1)));
    harness.create(&user, &key).await.unwrap();
    assert!(harness.revoke(&own(&user), key.id).await);
    for scope in [own(&user), all(&user)] {
        assert!(names(&harness, &scope, &KeyFilter::default()).await.is_empty());
        assert_eq!(harness.store.key(&scope, key.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_the_list_that_gave_it_out_and_for_no_other() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let other = harness.somebody().await;
    for name in ["first", "second"] {
        harness.key(&ada, name).await;
    }
    let filter = search("s");
    let page = PageRequest { first: 1, after: None };
    let page = harness.store.keys(&own(&ada), &filter, &page, now()).await.unwrap();
    let cursor = page.next.unwrap().encode(&own(&ada), &filter);

    assert!(PageRequest::new(1, Some(&cursor), &own(&ada), &filter, now()).is_ok());
    for (scope, filter) in [
        (all(&ada), filter.clone()),
        (own(&bob), filter.clone()),
        (own(&other), filter.clone()),
        (own(&ada), search("f")),
        (own(&ada), KeyFilter { status: Some(Status::Active), ..filter.clone() }),
    ] {
        let refused = PageRequest::new(1, Some(&cursor), &scope, &filter, now()).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: Field::After, .. }));
    }
}
