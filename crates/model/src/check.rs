//! Visiting all states.

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{Action, Cluster};

/// What was found.
#[derive(Debug)]
pub struct Checked {
    /// How many states were visited, each once.
    pub states: usize,
    /// What must always hold and does not: by which actions, one of the shortest ways.
    pub broken: BTreeMap<&'static str, Vec<Action>>,
    /// What must be possible and is not.
    pub impossible: BTreeSet<&'static str>,
}

impl Cluster {
    /// Visits every state, nearest first, until something is broken.
    #[must_use]
    pub fn check(&self) -> Checked {
        self.visit(HasDiscoveries::AnyFailures)
    }

    /// Visits states, nearest first, until a property is broken.
    #[must_use]
    pub fn breaks(&self, property: &'static str) -> Option<Vec<Action>> {
        let mut checked = self.visit(HasDiscoveries::AnyOf(BTreeSet::from([property])));
        checked.broken.remove(property)
    }

    fn visit(&self, finish: HasDiscoveries) -> Checked {
        let visited = self.clone().checker().threads(2).finish_when(finish).spawn_bfs().join();
        let mut checked = Checked {
            states: visited.unique_state_count(),
            broken: BTreeMap::new(),
            impossible: BTreeSet::new(),
        };
        for property in self.properties() {
            match (property.expectation, visited.discovery(property.name)) {
                (Expectation::Sometimes, None) => _ = checked.impossible.insert(property.name),
                (Expectation::Sometimes, Some(_)) | (_, None) => {}
                (_, Some(path)) => _ = checked.broken.insert(property.name, path.into_actions()),
            }
        }
        checked
    }
}
