//! Bounds on a query's text and shape, checked before anything is validated or resolved.
//!
//! The engine's parser recurses as deep as a text nests, and its validation follows every fragment wherever it is spread:
//! unchecked, 64 KiB overflow the stack or keep a core busy for hours. What passes here can do neither; what it may read is
//! bounded by [`super::COMPLEXITY`] after that.

use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use async_graphql::parser::{Error as SyntaxError, parse_query};
use async_graphql::{Pos, Positioned};

/// Names, numbers, texts and signs in a query. GraphiQL's own introspection has about 300.
const TOKENS: usize = 4_000;
/// Brackets of any kind, one in another.
const BRACKETS: usize = 48;
/// Fields, one in another.
const DEPTH: usize = 12;
/// The same for introspection, whose usual query unwraps types nine times.
const INTROSPECTION_DEPTH: usize = 20;
/// Fields, fragments and spreads, one in another. Fragments that spread themselves end here, too.
const LEVELS: usize = 30;
/// Fields, fragments and spreads in all, each fragment counted wherever it is spread.
const SELECTIONS: usize = 2_000;
/// `__schema` and `__type`.
const INTROSPECTIONS: usize = 4;
/// Lists of an introspection, one in another: each multiplies what the one around it yields.
const INTROSPECTION_LISTS: usize = 2;

/// Why a query is not looked at any further.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    pub(super) at: Option<Pos>,
}

fn refused(message: impl Into<String>, at: Pos) -> Refused {
    Refused { message: message.into(), at: Some(at) }
}

/// Parses a query that is within all bounds.
pub(super) fn parse(text: &str) -> Result<ExecutableDocument, Refused> {
    Scanner { text: text.as_bytes(), at: 0, tokens: 0, open: 0 }.run()?;
    let document = parse_query(text).map_err(|error| Refused {
        at: error.positions().next(),
        message: match error {
            // The parser's own text is a drawing of several lines.
            SyntaxError::Syntax { .. } => "That is not a GraphQL query.".into(),
            other => other.to_string(),
        },
    })?;
    let mut walk = Walk { document: &document, selections: 0, introspections: 0 };
    for (_, operation) in document.operations.iter() {
        walk.set(&operation.node.selection_set, Place::default())?;
    }
    // Validation looks at fragments by themselves, whether they are spread or not.
    for fragment in document.fragments.values() {
        let introspection = fragment.node.type_condition.node.on.node.starts_with("__");
        walk.set(&fragment.node.selection_set, Place { introspection, ..Place::default() })?;
    }
    Ok(document)
}

/// Whether a request needs no credential but its arguments: one mutation, of which the one field is `impersonateUser`. One of them, so
/// that a request is one attempt, and no fragments, so that this sees all that there is.
pub(super) fn is_for_everybody(document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter();
    let (Some((_, operation)), None) = (operations.next(), operations.next()) else { return false };
    let fields = operation.node.selection_set.node.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => Some(field.node.name.node.as_str()),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
    });
    let others: Vec<_> = fields.filter(|name| *name != Some("__typename")).collect();
    operation.node.ty == OperationType::Mutation
        && document.fragments.is_empty()
        && others == [Some("impersonateUser")]
}

/// Reads a text's tokens, and no more of its grammar than that.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    tokens: usize,
    open: usize,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), Refused> {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => self.at += 1,
                b'#' => self.skip_while(|byte| !matches!(byte, b'\n' | b'\r')),
                _ => self.token(byte)?,
            }
        }
        Ok(())
    }

    fn token(&mut self, first: u8) -> Result<(), Refused> {
        self.tokens += 1;
        if self.tokens > TOKENS {
            return Err(refused(format!("The query is too long: {TOKENS} tokens at most."), self.position()));
        }
        match first {
            b'{' | b'(' | b'[' => {
                self.open += 1;
                if self.open > BRACKETS {
                    return Err(self.too_deep());
                }
                self.at += 1;
            }
            b'}' | b')' | b']' => {
                self.open = self.open.saturating_sub(1);
                self.at += 1;
            }
            b'"' => self.string()?,
            b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
            }
            _ => self.at += 1,
        }
        Ok(())
    }

    /// A string that does not end is refused at once: were the parser to see it as something else than this does, brackets
    /// could hide in it.
    fn string(&mut self) -> Result<(), Refused> {
        let start = self.position();
        let is_block = self.rest().starts_with(b"\"\"\"");
        self.at += if is_block { 3 } else { 1 };
        loop {
            let rest = self.rest();
            let length = match (is_block, rest) {
                (_, []) | (false, [b'\n' | b'\r', ..]) => {
                    return Err(refused("The string does not end.", start));
                }
                (true, [b'\\', b'"', b'"', b'"', ..]) => 4,
                (true, [b'"', b'"', b'"', ..]) => {
                    self.at += 3;
                    return Ok(());
                }
                (false, [b'"', ..]) => {
                    self.at += 1;
                    return Ok(());
                }
                (false, [b'\\', _, ..]) => 2,
                _ => 1,
            };
            self.at += length;
        }
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        let length = self.rest().iter().take_while(|byte| belongs(**byte)).count();
        self.at += length;
    }

    fn too_deep(&self) -> Refused {
        refused(format!("The query nests too deep: {BRACKETS} brackets at most."), self.position())
    }

    /// The line and column, from 1, counted only when there is something to say about them.
    fn position(&self) -> Pos {
        let before = self.text.get(..self.at).unwrap_or_default();
        let lines = before.split(|byte| *byte == b'\n');
        let column = lines.clone().next_back().map_or(0, <[u8]>::len);
        Pos { line: lines.count(), column: column + 1 }
    }
}

/// Goes through a document as its execution would.
struct Walk<'a> {
    document: &'a ExecutableDocument,
    selections: usize,
    introspections: usize,
}

#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    levels: usize,
    introspection: bool,
    lists: usize,
}

impl Walk<'_> {
    fn set(&mut self, set: &Positioned<SelectionSet>, place: Place) -> Result<(), Refused> {
        if place.levels > LEVELS {
            return Err(refused(
                format!("The query nests too deep, or a fragment contains itself: {LEVELS} levels at most."),
                set.pos,
            ));
        }
        let inner = Place { levels: place.levels + 1, ..place };
        for selection in &set.node.items {
            self.selections += 1;
            if self.selections > SELECTIONS {
                return Err(refused(
                    format!(
                        "The query is too long: {SELECTIONS} fields at most, in all operations and fragments."
                    ),
                    selection.pos,
                ));
            }
            match &selection.node {
                Selection::Field(field) => {
                    let inside = self.field(field.node.name.node.as_str(), inner, field.pos)?;
                    self.set(&field.node.selection_set, inside)?;
                }
                Selection::InlineFragment(fragment) => self.set(&fragment.node.selection_set, inner)?,
                Selection::FragmentSpread(spread) => {
                    // One that does not exist is left to validation.
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        self.set(&fragment.node.selection_set, inner)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Where the fields inside of a field are.
    fn field(&mut self, name: &str, mut place: Place, at: Pos) -> Result<Place, Refused> {
        place.depth += 1;
        if matches!(name, "__schema" | "__type") {
            place.introspection = true;
            self.introspections += 1;
            if self.introspections > INTROSPECTIONS {
                return Err(refused(
                    format!("The query asks for the schema too often: {INTROSPECTIONS} times at most."),
                    at,
                ));
            }
        }
        if matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes") {
            place.lists += 1;
            if place.lists > INTROSPECTION_LISTS {
                return Err(refused("The introspection nests too many lists in one another.", at));
            }
        }
        let limit = if place.introspection { INTROSPECTION_DEPTH } else { DEPTH };
        if place.depth > limit {
            return Err(refused(format!("The query nests too deep: {limit} fields at most."), at));
        }
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        parse(text).err().map(|refused| refused.message).unwrap_or_default()
    }

    #[test]
    fn brackets_of_every_kind_are_counted_and_those_in_strings_and_comments_are_not() {
        for open in ["{a", "{a(b:[", "{a(b:{c:", "query($a:[", "{...{"] {
            assert!(message(&open.repeat(10_000)).contains("too deep"), "{open}");
        }
        let brackets = "[{(".repeat(100);
        for harmless in [
            format!("{{a(b: \"{brackets}\")}}"),
            format!("{{a(b: \"\\\"{brackets}\")}}"),
            format!("{{a(b: \"\"\"{brackets}\n\\\"\"\"{brackets}\"\"\")}}"),
            format!("{{a #{brackets}\n}}"),
        ] {
            assert_eq!(message(&harmless), "", "{harmless}");
        }
    }

    /// The parser falls back from an unfinished block string to an empty string and goes on behind it.
    #[test]
    fn brackets_cannot_hide_behind_a_string_that_does_not_end() {
        let nested = "[".repeat(1_000);
        for text in [
            format!("{{a(b: [\"\"\"x\" {nested}"),
            format!("{{a(b: [\"\n {nested}"),
            "{a(b: [\"\\".to_owned(),
        ] {
            assert!(message(&text).contains("does not end"), "{text}");
        }
    }

    #[test]
    fn fragments_count_wherever_they_are_spread() {
        let bomb: String = (0..25)
            .map(|n| format!("fragment f{n} on Query {{ ...f{0} ...f{0} }} ", n + 1))
            .chain(["fragment f25 on Query { a } ".to_owned()])
            .collect();
        assert!(message(&format!("{{ ...f0 }} {bomb}")).contains("too long"));
        assert!(
            message(&format!("{{ a }} {bomb}")).contains("too long"),
            "unused, and validated all the same"
        );
        let ring = "fragment f on Query { ...g } fragment g on Query { ...f }";
        assert!(message(&format!("{{ ...f }} {ring}")).contains("contains itself"));
    }

    #[test]
    fn introspection_may_nest_types_but_not_multiply_lists() {
        let types = "{ofType".repeat(9) + "{name}" + &"}".repeat(9);
        assert_eq!(message(&format!("{{__schema{{types{{fields{{args{{type{types}}}}}}}}}}}")), "");
        let lists = "{__schema{types{fields{type{fields{type{fields{name}}}}}}}}";
        assert!(message(lists).contains("lists"));
        assert!(
            message(&format!("{{{}}}", "a:__typename b:__schema{types{name}}".repeat(5)))
                .contains("too often")
        );
        assert!(message(&("{a".repeat(13) + &"}".repeat(13))).contains("12 fields"));
    }

    #[test]
    fn a_refusal_says_where() {
        let error = parse("{\n  a(\n}").unwrap_err();
        assert_eq!(error.message, "That is not a GraphQL query.");
        assert_eq!(error.at.map(|at| at.line), Some(3));
    }
}
