//! Email Access Control: which e-mail addresses an organization lets in.
//!
//! An allowlist and a blocklist, each of domains and of whole addresses. The blocklist wins; when nothing is allowed by
//! name, everybody who is not blocked is let in. The rules are asked each time and nothing is kept of the answer, so taking
//! a rule away brings back whom it kept out.

mod rule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use rule::Compared;

pub use rule::EmailRule;

use crate::audit::EmailChange;
use crate::{Email, Error, Field};

/// The most rules that each of the four lists may have.
pub const MAX_EMAIL_RULES: usize = 1_000;

/// What a rule does with the addresses that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EmailList {
    /// Lets them in, and keeps out whatever no other allow rule covers.
    Allow,
    /// Keeps them out, whatever else allows them.
    Block,
}

impl EmailList {
    /// Both lists.
    pub const ALL: [Self; 2] = [Self::Allow, Self::Block];

    /// Its name in the store and in forms.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }

    /// The inverse of [`Self::code`]; `None` for any other text.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.code() == code)
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKind {
    /// The part after the `@`.
    Domain,
    /// All of it.
    Address,
}

impl RuleKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Domain, Self::Address];

    /// Its name in the store and in forms.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Address => "address",
        }
    }

    /// The inverse of [`Self::code`]; `None` for any other text.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The input field that rules of this kind and list come from.
    #[must_use]
    pub fn field(self, list: EmailList) -> Field {
        match (list, self) {
            (EmailList::Allow, Self::Domain) => Field::AllowedDomains,
            (EmailList::Allow, Self::Address) => Field::AllowedAddresses,
            (EmailList::Block, Self::Domain) => Field::BlockedDomains,
            (EmailList::Block, Self::Address) => Field::BlockedAddresses,
        }
    }
}

/// What the rules say of one address, so that a page can say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Let in: no rule says whom to allow, and none blocks it.
    Open,
    /// Let in: an allow rule covers it, and none blocks it.
    Allowed,
    /// Kept out by a block rule, or by there being one while the address's domain cannot be compared.
    Blocked,
    /// Kept out: there are allow rules, and none covers it.
    NotAllowed,
}

impl Verdict {
    /// Whether the address is let in.
    #[must_use]
    pub fn admits(self) -> bool {
        matches!(self, Self::Open | Self::Allowed)
    }
}

/// The rules of an organization. The default has none, and lets everybody in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EmailAccess {
    allow: Rules,
    block: Rules,
}

impl EmailAccess {
    /// Checks the four lists as a person or a program wrote them. Rules that come to the same are kept once.
    ///
    /// # Errors
    /// [`Error::Invalid`] of the list's field, for the first rule that is none ([`EmailRule::parse`]) and for a list of more than
    /// [`MAX_EMAIL_RULES`]. An empty text is refused as well: were it dropped, a list that lost its only entry on the way
    /// here would let everybody in.
    pub fn parse(
        allowed_domains: &[String],
        allowed_addresses: &[String],
        blocked_domains: &[String],
        blocked_addresses: &[String],
    ) -> Result<Self, Error> {
        let mut access = Self::default();
        for (list, kind, texts) in [
            (EmailList::Allow, RuleKind::Domain, allowed_domains),
            (EmailList::Allow, RuleKind::Address, allowed_addresses),
            (EmailList::Block, RuleKind::Domain, blocked_domains),
            (EmailList::Block, RuleKind::Address, blocked_addresses),
        ] {
            let rules = access.list_mut(list);
            for text in texts {
                rules.insert(kind, EmailRule::parse(list, kind, text)?);
                if rules.of(kind).len() > MAX_EMAIL_RULES {
                    return Err(Error::invalid(
                        kind.field(list),
                        format!("A list has at most {MAX_EMAIL_RULES} rules. Remove some and try again."),
                    ));
                }
            }
        }
        Ok(access)
    }

    /// What the store kept: it was checked on the way in.
    #[must_use]
    pub fn from_stored(rules: impl IntoIterator<Item = (EmailList, RuleKind, String)>) -> Self {
        let mut access = Self::default();
        for (list, kind, text) in rules {
            access.list_mut(list).insert(kind, EmailRule::from_stored(text));
        }
        access
    }

    /// The rules after a change that is made once more, long after somebody made it. Whoever it kept out is kept out; no block rule
    /// is lifted, and allow rules that were all removed stay, because without any everybody is let in.
    #[must_use]
    pub fn within_change(&self, added: &[EmailChange], removed: &[EmailChange]) -> Self {
        let kept = EmailList::ALL.into_iter().flat_map(|list| RuleKind::ALL.map(|kind| (list, kind)));
        let kept = kept.flat_map(|(list, kind)| {
            self.rules(list, kind).map(move |rule| (list, kind, rule.as_str().to_owned()))
        });
        let kept = kept.filter(|rule| rule.0 == EmailList::Block || !removed.contains(rule));
        let after = Self::from_stored(kept.chain(added.iter().cloned()));
        if after.is_open() { Self { allow: self.allow.clone(), ..after } } else { after }
    }

    /// The rules of one of the four lists, in alphabetical order.
    #[must_use]
    pub fn rules(&self, list: EmailList, kind: RuleKind) -> impl ExactSizeIterator<Item = &EmailRule> {
        self.list(list).of(kind).iter()
    }

    /// Whether both allowlists are empty: whoever is not blocked is let in, which the settings page warns of.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.allow.keys.is_empty()
    }

    /// Whether the address is let in now.
    #[must_use]
    pub fn admits(&self, email: &Email) -> bool {
        self.decide(email).admits()
    }

    /// Whether the address is let in now, and why. The cost does not grow with the number of rules.
    ///
    /// An address whose domain has no ASCII form (`a@[127.0.0.1]`, `a@x..example`) cannot be compared, so any rule at all keeps
    /// it out: a block rule may have meant it, and an allow rule cannot have.
    #[must_use]
    pub fn decide(&self, email: &Email) -> Verdict {
        if self.allow.keys.is_empty() && self.block.keys.is_empty() {
            return Verdict::Open;
        }
        let compared = Compared::of(email);
        let covers = |rules: &Rules, unknown| compared.as_ref().map_or(unknown, |c| rules.cover(c));
        if !self.block.keys.is_empty() && covers(&self.block, true) {
            Verdict::Blocked
        } else if self.is_open() {
            Verdict::Open
        } else if covers(&self.allow, false) {
            Verdict::Allowed
        } else {
            Verdict::NotAllowed
        }
    }

    fn list(&self, list: EmailList) -> &Rules {
        match list {
            EmailList::Allow => &self.allow,
            EmailList::Block => &self.block,
        }
    }

    fn list_mut(&mut self, list: EmailList) -> &mut Rules {
        match list {
            EmailList::Allow => &mut self.allow,
            EmailList::Block => &mut self.block,
        }
    }
}

/// One list: its rules in order, and what look-ups ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rules {
    domains: BTreeSet<EmailRule>,
    addresses: BTreeSet<EmailRule>,
    /// The key of every rule of both kinds; an address has an `@` and a domain has none, so they cannot be confused.
    keys: HashSet<Box<str>>,
}

impl Rules {
    fn insert(&mut self, kind: RuleKind, rule: EmailRule) {
        self.keys.insert(rule.key().into());
        match kind {
            RuleKind::Domain => self.domains.insert(rule),
            RuleKind::Address => self.addresses.insert(rule),
        };
    }

    fn of(&self, kind: RuleKind) -> &BTreeSet<EmailRule> {
        match kind {
            RuleKind::Domain => &self.domains,
            RuleKind::Address => &self.addresses,
        }
    }

    fn cover(&self, compared: &Compared) -> bool {
        compared.keys().any(|key| self.keys.contains(key))
    }
}
