//! What clients said about themselves lately.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use keystead_domain::{ClientIdUrl, ClientMetadata};

/// Descriptions, by their address.
#[derive(Default)]
pub(super) struct Cache(HashMap<ClientIdUrl, Entry>);

struct Entry {
    until: Timestamp,
    /// `None`: it could not be read, and is not asked for again so soon.
    metadata: Option<ClientMetadata>,
}

impl Cache {
    /// Some megabytes at most.
    const CAPACITY: usize = 1000;
    /// Also for a server that wants nothing kept: the consent page and the answer to it speak of one description.
    const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
    const LONGEST: SignedDuration = SignedDuration::from_hours(24);
    /// So that nobody can make Keystead hammer a host that does not answer.
    const PUT_OFF: SignedDuration = SignedDuration::from_mins(1);

    /// What is known of the address. `Some(None)`: it could not be read a moment ago.
    #[expect(clippy::option_option, reason = "unknown and unreadable are two things")]
    pub(super) fn get(&self, url: &ClientIdUrl, now: Timestamp) -> Option<Option<ClientMetadata>> {
        self.0.get(url).filter(|entry| now < entry.until).map(|entry| entry.metadata.clone())
    }

    /// Keeps a description as many seconds as its server says, within bounds.
    pub(super) fn put(&mut self, url: &ClientIdUrl, metadata: ClientMetadata, max_age: u64, now: Timestamp) {
        let asked = SignedDuration::from_secs(i64::try_from(max_age).unwrap_or(i64::MAX));
        let lifetime = asked.clamp(Self::SHORTEST, Self::LONGEST);
        self.insert(url, Some(metadata), lifetime, now);
    }

    /// Remembers that the address could not be read.
    pub(super) fn put_off(&mut self, url: &ClientIdUrl, now: Timestamp) {
        self.insert(url, None, Self::PUT_OFF, now);
    }

    fn insert(
        &mut self,
        url: &ClientIdUrl,
        metadata: Option<ClientMetadata>,
        lifetime: SignedDuration,
        now: Timestamp,
    ) {
        if self.0.len() >= Self::CAPACITY && !self.0.contains_key(url) {
            self.0.retain(|_, entry| now < entry.until);
        }
        if self.0.len() >= Self::CAPACITY && !self.0.contains_key(url) {
            // What ends first goes first: a flood of addresses that cannot be read leaves the others alone.
            let first = self.0.iter().min_by_key(|(_, entry)| entry.until).map(|(url, _)| url.clone());
            first.map(|url| self.0.remove(&url));
        }
        let until = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        self.0.insert(url.clone(), Entry { until, metadata });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn url(number: usize) -> ClientIdUrl {
        ClientIdUrl::parse(&format!("https://app.example.com/{number}")).unwrap()
    }

    fn metadata() -> ClientMetadata {
        ClientMetadata::of_registration(br#"{"redirect_uris":["https://app.example.com/cb"]}"#).unwrap()
    }

    fn kept_for(max_age: u64) -> i64 {
        let mut cache = Cache::default();
        cache.put(&url(0), metadata(), max_age, NOW);
        let kept = |seconds: i64| cache.get(&url(0), NOW + SignedDuration::from_secs(seconds)).is_some();
        (0..100_000).find(|seconds| !kept(*seconds)).unwrap()
    }

    #[test]
    fn a_description_is_kept_as_long_as_its_server_says_within_five_minutes_and_a_day() {
        for (max_age, seconds) in [(0, 300), (299, 300), (3600, 3600), (86_401, 86_400), (u64::MAX, 86_400)] {
            assert_eq!(kept_for(max_age), seconds, "max-age={max_age}");
        }
    }

    #[test]
    fn what_could_not_be_read_is_tried_again_after_a_minute() {
        let mut cache = Cache::default();
        cache.put_off(&url(0), NOW);
        assert_eq!(cache.get(&url(0), NOW + SignedDuration::from_secs(59)), Some(None));
        assert_eq!(cache.get(&url(0), NOW + SignedDuration::from_secs(60)), None);
    }

    #[test]
    fn a_flood_of_unreadable_addresses_takes_neither_memory_nor_the_place_of_good_ones() {
        let mut cache = Cache::default();
        cache.put(&url(0), metadata(), 0, NOW);
        for number in 1..5000 {
            cache.put_off(&url(number), NOW);
        }
        assert_eq!(cache.0.len(), Cache::CAPACITY);
        assert!(matches!(cache.get(&url(0), NOW), Some(Some(_))));
        assert_eq!(cache.get(&url(4999), NOW), Some(None));
    }
}
