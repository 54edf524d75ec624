//! Paging against a plain model: a list in memory, sorted.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::{KeyFilter, KeyId, PageRequest, SearchText, Status};
use keystead_store::NewKey;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::harness::{Harness, now, seconds};
use crate::people::{all, new_key_for, own};

#[derive(Debug, Clone)]
struct Key {
    ends_in: Option<i64>,
    name: &'static str,
}

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Meanwhile {
    Nothing,
    TimePasses(i64),
    Created(Key),
    Revoked(prop::sample::Index),
}

fn key() -> impl Strategy<Value = Key> {
    let ends_in = prop_oneof![
        Just(None),
        (-1000_i64..1000).prop_map(Some),
        (-2_i64..=2).prop_map(|off| Some(off + 7 * 24 * 3600))
    ];
    (ends_in, prop::sample::select(vec!["alpha", "beta", "50%", "a_b"]))
        .prop_map(|(ends_in, name)| Key { ends_in, name })
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        Just(Meanwhile::Nothing),
        (0_i64..500).prop_map(Meanwhile::TimePasses),
        key().prop_map(Meanwhile::Created),
        any::<prop::sample::Index>().prop_map(Meanwhile::Revoked),
    ]
}

fn filter() -> impl Strategy<Value = KeyFilter> {
    let status =
        prop::option::of(prop::sample::select(vec![Status::Active, Status::ExpiringSoon, Status::Expired]));
    (prop::sample::select(vec!["", "a", "%", "_", "ks_"]), status)
        .prop_map(|(text, status)| KeyFilter { search: SearchText::parse(text).unwrap(), status })
}

fn expected(keys: &[NewKey], filter: &KeyFilter, as_of: Timestamp) -> Vec<KeyId> {
    let found = |key: &&NewKey| {
        let text = SearchText::of_key(&key.name, &key.description, key.masked.as_str());
        filter.status.is_none_or(|status| Status::at(key.expires_at, as_of) == status)
            && filter.search.as_ref().is_none_or(|search| text.as_str().contains(search.as_str()))
    };
    let mut keys: Vec<_> = keys
        .iter()
        .filter(found)
        .map(|key| (Status::at(key.expires_at, as_of) == Status::Expired, std::cmp::Reverse(key.id)))
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, id)| id.0).collect()
}

async fn every_key_is_seen_exactly_once(
    harness: &Harness,
    keys: &[Key],
    filter: &KeyFilter,
    size: u32,
    meanwhile: &[Meanwhile],
    everyone: bool,
) {
    let user = harness.somebody().await;
    let scope = if everyone { all(&user) } else { own(&user) };
    let end = |key: &Key| key.ends_in.map(seconds);
    let mut change = harness.begin().await;
    let mut made = Vec::new();
    for key in keys {
        let key = harness.new_key(key.name, end(key));
        change.create_key(&new_key_for(&user), &key).await.unwrap();
        made.push(key);
    }
    change.commit().await.unwrap();
    let mut clock = now();
    let model = expected(&made, filter, clock);
    assert_eq!(harness.store.count_keys(&scope, filter, clock).await.unwrap(), model.len() as u64);
    let bounded = harness.store.count_keys_up_to(&scope, filter, clock, 3).await.unwrap();
    assert_eq!(bounded, model.len().min(3) as u64, "counted no further than asked");

    let mut meanwhile = meanwhile.iter();
    let (mut seen, mut revoked, mut after) = (Vec::new(), HashSet::new(), None);
    loop {
        let request = PageRequest::new(size.into(), after.as_deref(), &scope, filter, clock).unwrap();
        let page = harness.store.keys(&scope, filter, &request, clock).await.unwrap();
        assert!(page.keys.len() <= size as usize);
        seen.extend(page.keys.iter().map(|key| key.id));
        let Some(next) = page.next else { break };
        after = Some(next.encode(&scope, filter));
        match meanwhile.next() {
            None | Some(Meanwhile::Nothing) => (),
            Some(Meanwhile::TimePasses(seconds)) => clock += SignedDuration::from_secs(*seconds),
            Some(Meanwhile::Created(key)) => {
                // A key is not made expired.
                let end = key.ends_in.map(|end| seconds(end.abs() + 20_000));
                harness.create(&user, &harness.new_key(key.name, end)).await.unwrap();
            }
            Some(Meanwhile::Revoked(which)) => {
                let id = made[which.index(made.len())].id;
                harness.revoke(&scope, id).await;
                revoked.insert(id);
            }
        }
    }
    assert!(seen.len() == seen.iter().collect::<HashSet<_>>().len(), "no key twice");
    let mut left = model.clone();
    left.retain(|id| !revoked.contains(id));
    assert!(seen.iter().all(|id| model.contains(id)), "nothing that was not in the list at the beginning");
    seen.retain(|id| !revoked.contains(id));
    assert_eq!(seen, left, "every key that stayed, in order");
}

#[test]
fn paging_shows_every_key_exactly_once_whatever_expires_is_created_or_revoked_meanwhile() {
    let runtime = Runtime::new().unwrap();
    let harness = runtime.block_on(Harness::new());
    let keys = prop::collection::vec(key(), 0..40);
    let meanwhile = prop::collection::vec(meanwhile(), 0..20);
    let mut config = ProptestConfig::with_cases(96);
    config.failure_persistence = None;
    proptest!(config, |(keys in keys, filter in filter(), size in 1_u32..12, meanwhile in meanwhile, everyone: bool)| {
        runtime.block_on(every_key_is_seen_exactly_once(&harness, &keys, &filter, size, &meanwhile, everyone));
    });
}
