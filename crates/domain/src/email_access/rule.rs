//! One rule, and the form in which rules and addresses are compared.
//!
//! Domains are compared in their ASCII form (UTS #46 `ToASCII`, non-transitional, STD3 rules), in which `BÜCHER.example`,
//! `bücher.example` and `xn--bcher-kva.example` are one, and a domain that only looks like another (a Cyrillic `а` in
//! `аpple.com`) is a different one.

use std::borrow::Cow;
use std::iter;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;

use super::{EmailList, RuleKind};
use crate::{Email, Error};

/// The longest text that is looked at, in bytes: a domain of 253 characters has at most four times as many bytes.
const MAX_INPUT: usize = 1_024;
/// RFC 1035, section 2.3.4, without the root's dot. A rule for subdomains keeps to it with its `*.`, since each subdomain must.
const MAX_DOMAIN: usize = 253;
/// RFC 5321, section 4.5.3.1, without the angle brackets.
const MAX_ADDRESS: usize = 254;
/// What UTS #46 takes for a dot.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// A rule of one of the lists, normalised: a domain (`company.com`, which covers exactly that domain), the subdomains of one
/// (`*.company.com`, which covers them at any depth and not `company.com` itself), or a whole address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EmailRule(Box<str>);

impl EmailRule {
    /// Checks and normalises what a person typed into a list. The result's own text comes to the same rule.
    ///
    /// # Errors
    /// [`Error::Invalid`] of the list's field, saying what would be right: for what is no domain or address, for a `*` anywhere
    /// but in a leading `*.`, and for a `*.` before a domain of one part (`*.com`).
    pub fn parse(list: EmailList, kind: RuleKind, text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let rule = match kind {
            _ if text.is_empty() => Err("is empty"),
            RuleKind::Domain => domain_rule(text),
            RuleKind::Address => address_rule(text),
        };
        rule.map(|rule| Self(rule.into())).map_err(|problem| {
            let example = match kind {
                RuleKind::Domain => "company.com, or *.company.com for all of its subdomains",
                RuleKind::Address => "name@company.com",
            };
            Error::invalid(
                kind.field(list),
                format!("The rule {} {problem}. Write it as {example}.", quoted(text)),
            )
        })
    }

    /// What the store kept: it was checked on the way in.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text.into())
    }

    /// The form that is stored, compared and safe to show anywhere: its domain is ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rule with its domain in Unicode, where that differs. It may look like another domain's, so it is never shown without
    /// [`Self::as_str`] beside it.
    #[must_use]
    pub fn unicode(&self) -> Option<String> {
        let start = match self.0.find('@') {
            Some(at) => at + 1,
            None if self.0.starts_with("*.") => 2,
            None => 0,
        };
        let (before, domain) = self.0.split_at(start);
        let (unicode, converted) =
            Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        (converted.is_ok() && unicode != domain).then(|| format!("{before}{unicode}"))
    }

    /// For people: the ASCII form, and the Unicode form after it in parentheses where it differs.
    #[must_use]
    pub fn display(&self) -> String {
        match self.unicode() {
            Some(unicode) => format!("{} ({unicode})", self.0),
            None => self.0.to_string(),
        }
    }

    /// What an address that the rule covers has among [`Compared::keys`]: the subdomains' rule is the one that starts with a dot.
    pub(super) fn key(&self) -> &str {
        self.0.strip_prefix('*').unwrap_or(&self.0)
    }
}

/// An address in the form in which it is compared.
pub(super) struct Compared {
    text: String,
    /// Where its domain starts.
    domain: usize,
}

impl Compared {
    /// `None` if its domain has no ASCII form.
    pub(super) fn of(email: &Email) -> Option<Self> {
        let (local, domain) = email.as_str().rsplit_once('@')?;
        let domain = ascii(domain)?;
        // As `Email::folded`, and composed again: lowercasing can take a text out of NFC.
        let mut text: String = if local.is_ascii() {
            let mut text = String::with_capacity(local.len() + 1 + domain.len());
            text.push_str(local);
            text.make_ascii_lowercase();
            text
        } else {
            local.to_lowercase().nfc().collect()
        };
        text.push('@');
        let start = text.len();
        text.push_str(&domain);
        Some(Self { text, domain: start })
    }

    /// What the rules that cover it have as their key: itself, its domain, and `.parent` for each domain above.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let domain = &self.text[self.domain..];
        let parents = domain.match_indices('.').map(|(dot, _)| &domain[dot..]);
        iter::once(self.text.as_str()).chain(iter::once(domain)).chain(parents)
    }
}

fn domain_rule(text: &str) -> Result<String, &'static str> {
    if text.len() > MAX_INPUT {
        return Err("is too long: a domain has at most 253 characters");
    }
    if text.contains('@') {
        return Err(
            "has an @: a domain is only what comes after it, and whole addresses have a list of their own",
        );
    }
    let (before, domain) = if text.starts_with("*.") { text.split_at(2) } else { ("", text) };
    if domain.contains('*') {
        return Err("has a * where none may be: only a *. at the very front has a meaning");
    }
    if domain.contains(['/', ':']) {
        return Err("is not a domain alone: it has no scheme, port or path");
    }
    let domain = ascii(domain).ok_or(
        "is not a domain: its parts have 1 to 63 letters, digits and inner hyphens each, 253 characters in all",
    )?;
    if !before.is_empty() && !domain.contains('.') {
        return Err("covers a whole top-level domain: after the *. come at least two parts");
    }
    if before.len() + domain.len() > MAX_DOMAIN {
        return Err("is too long: a domain has at most 253 characters");
    }
    Ok(format!("{before}{domain}"))
}

fn address_rule(text: &str) -> Result<String, &'static str> {
    let email = Email::parse(text).map_err(|_| "is not a whole e-mail address")?;
    if text.contains('*') {
        return Err(
            "has a *: an address stands for itself alone, and whole domains have a list of their own",
        );
    }
    let compared = Compared::of(&email).ok_or("has no domain after its @ that mail could be sent to")?;
    if compared.text.len() > MAX_ADDRESS {
        return Err("is too long: an address has at most 254 characters");
    }
    Ok(compared.text)
}

/// The ASCII form of a domain, without the root's dot. `None` if it has none, or is a number: addresses of the Internet
/// Protocol are no domains (RFC 3696, section 2).
fn ascii(domain: &str) -> Option<Cow<'_, str>> {
    let domain = domain.strip_suffix(DOTS).unwrap_or(domain);
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()?;
    let numeric = ascii.rsplit('.').next()?.bytes().all(|byte| byte.is_ascii_digit());
    (!numeric).then_some(ascii)
}

/// A refused text for its error: short, and without characters that could disturb a page or a terminal.
fn quoted(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    let more = if start.len() < text.len() { "…" } else { "" };
    format!("{start:?}{more}")
}
