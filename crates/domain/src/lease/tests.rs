use super::*;

const OWN: NodeId = NodeId::from_u128(1);
const OTHER: NodeId = NodeId::from_u128(2);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn node(id: NodeId, renewals: u64, applied: u64) -> NodeStatus {
    NodeStatus { id, renewals, applied }
}

fn leases() -> Leases {
    Leases::new(OWN, LeaseTerms::default())
}

/// So many milliseconds before the change.
fn before(millis: u64) -> Duration {
    ms(100_000 - millis)
}

const CHANGE: Committed = Committed { sequence: 7, at: Duration::from_secs(100) };

#[test]
fn a_change_holds_once_every_other_node_has_applied_it() {
    let leases = leases();
    let asked = CHANGE.at;
    let own = node(OWN, 1, 0);
    assert_eq!(leases.reach(CHANGE, &[own, node(OTHER, 1, 6)], asked), Reach::NotYet(vec![OTHER]));
    assert_eq!(leases.reach(CHANGE, &[own, node(OTHER, 1, 7)], asked), Reach::Everywhere);
    assert_eq!(leases.reach(CHANGE, &[own], asked), Reach::Everywhere, "alone");
}

#[test]
fn a_node_that_says_nothing_is_waited_for_as_long_as_a_lease_and_what_clocks_differ_by() {
    let mut leases = leases();
    let silent = [node(OTHER, 5, 6)];
    leases.note(&silent, before(10));
    assert_eq!(leases.reach(CHANGE, &silent, CHANGE.at + ms(2_029)), Reach::NotYet(vec![OTHER]));
    assert_eq!(leases.reach(CHANGE, &silent, CHANGE.at + ms(2_030)), Reach::Everywhere);
}

#[test]
fn a_node_that_has_been_silent_for_longer_is_not_waited_for() {
    let mut leases = leases();
    let silent = [node(OTHER, 5, 6)];
    leases.note(&silent, before(2_040));
    assert_eq!(leases.reach(CHANGE, &silent, CHANGE.at), Reach::Everywhere);
}

#[test]
fn a_node_that_asked_again_is_waited_for_however_long_it_had_been_silent() {
    let mut leases = leases();
    leases.note(&[node(OTHER, 5, 6)], ms(0));
    let again = [node(OTHER, 6, 6)];
    assert_eq!(leases.reach(CHANGE, &again, CHANGE.at), Reach::NotYet(vec![OTHER]), "not yet noted");
    leases.note(&again, CHANGE.at + ms(1));
    assert_eq!(leases.reach(CHANGE, &again, CHANGE.at + ms(1)), Reach::NotYet(vec![OTHER]));
}

#[test]
fn nobody_is_waited_for_longer_than_a_lease_after_the_commit() {
    let mut leases = leases();
    // It renews without applying: its renewals do not count, since it asked after the commit.
    for at in 0..300 {
        let nodes = [node(OTHER, at, 6)];
        leases.note(&nodes, CHANGE.at + ms(at * 10));
        let reach = leases.reach(CHANGE, &nodes, CHANGE.at + ms(at * 10));
        assert_eq!(reach == Reach::Everywhere, at * 10 >= 2_040, "{at}");
    }
}

#[test]
fn what_was_asked_before_the_commit_says_nothing_of_it() {
    let nodes = [node(OTHER, 5, 9)];
    assert_eq!(leases().reach(CHANGE, &nodes, before(1)), Reach::NotYet(vec![]));
}

#[test]
fn a_node_that_left_and_came_back_is_a_new_one() {
    let mut leases = leases();
    leases.note(&[node(OTHER, 5, 6)], ms(0));
    leases.note(&[], ms(10));
    let back = [node(OTHER, 5, 6)];
    leases.note(&back, before(10));
    assert_eq!(leases.reach(CHANGE, &back, CHANGE.at), Reach::NotYet(vec![OTHER]));
}

#[test]
fn a_lease_is_half_a_second_to_ten_seconds() {
    assert_eq!(LeaseTerms::new(ms(499)), None);
    assert_eq!(LeaseTerms::new(ms(10_001)), None);
    let terms = LeaseTerms::new(ms(500)).unwrap();
    assert_eq!((terms.renew_every(), terms.ends(ms(1))), (ms(100), ms(501)));
    assert!(terms.surely_ended(ms(1)) > terms.ends(ms(1)));
}

#[test]
fn after_another_server_took_over_nothing_follows_from_a_node_that_is_not_there() {
    let mut leases = leases();
    leases.note(&[node(OTHER, 5, 6)], ms(0));
    leases.seen(&[], true, before(1_000));
    assert_eq!(leases.reach(CHANGE, &[], CHANGE.at), Reach::NotYet(vec![]), "its row may be lost");
    assert_eq!(leases.reach(CHANGE, &[], CHANGE.at + ms(1_039)), Reach::NotYet(vec![]));
    assert_eq!(leases.reach(CHANGE, &[], CHANGE.at + ms(1_040)), Reach::Everywhere);
    let back = [node(OTHER, 5, 6)];
    leases.note(&back, before(900));
    assert_eq!(
        leases.reach(CHANGE, &back, CHANGE.at + ms(1_040)),
        Reach::NotYet(vec![OTHER]),
        "its count went back"
    );
}

#[test]
fn a_node_is_forgotten_once_its_lease_has_long_ended_by_the_clock_of_who_forgets_it() {
    let mut leases = leases();
    let silent = [node(OWN, 1, 0), node(OTHER, 5, 6)];
    leases.note(&silent, ms(0));
    let hour = Leases::FORGOTTEN_AFTER;
    assert_eq!(leases.gone(&silent, ms(3_599_999)), []);
    assert_eq!(leases.gone(&silent, hour), silent[1..], "never oneself");
    let again = [node(OTHER, 6, 6)];
    assert_eq!(leases.gone(&again, hour), [], "it asked in between");
    leases.note(&again, hour);
    assert_eq!(leases.gone(&again, hour + ms(3_599_999)), []);
}

#[test]
fn a_lease_of_which_less_than_half_is_left_is_nearly_over() {
    let terms = LeaseTerms::default();
    assert!(!terms.is_nearly_over(ms(1_000)) && terms.is_nearly_over(ms(999)));
    assert!(terms.renew_every() < terms.length() / 2, "one that is renewed in time is not");
}
