//! Strict validation against an interpreter of the grammar itself: `grammar/rules.abnf` has the values of headers by the ABNF of RFC 3261 §25.1
//! and of the extensions, in the notation of RFC 5234. Nothing here is shared with the crate.
//!
//! Beyond that notation, `{a b} x` is an `x` that does not begin with the name `a` or `b` (where the name ends with a colon, with that text):
//! a known parameter has no other production than its own. White space is without folds, and beyond ASCII there are two characters.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use proptest::prelude::*;
use sip_proto::Message;
use sip_proto::message::Name;
use sip_proto::testing::check_message;

const RULES: &str = include_str!("grammar/rules.abnf");

/// A piece of the grammar.
enum Node {
    /// Text in any case.
    Text(&'static str),
    Octets(u8, u8),
    Rule(&'static str),
    Choice(Vec<Node>),
    Sequence(Vec<Node>),
    Repeated(usize, usize, Box<Node>),
    Not(Vec<&'static str>, Box<Node>),
}

struct Grammar {
    rules: HashMap<&'static str, Node>,
}

/// The rest of a rule's text.
struct Reader(&'static str);

impl Grammar {
    fn new() -> Self {
        let mut rules: HashMap<_, Node> = HashMap::new();
        for line in RULES.lines() {
            let (name, text) = line.split_once(" =").unwrap();
            let node = Reader(text.strip_prefix('/').unwrap_or(text)).choice();
            match rules.remove(name) {
                Some(before) => rules.insert(name, Node::Choice(vec![before, node])),
                None => rules.insert(name, node),
            };
        }
        Self { rules }
    }

    fn headers() -> Vec<&'static str> {
        let names = RULES.lines().map(|line| line.split(' ').next().unwrap());
        names
            .filter(|name| Name::find(name) != Name::Unknown && name.starts_with(char::is_uppercase))
            .collect()
    }
}

impl Reader {
    fn eat(&mut self, mark: char) -> bool {
        let rest = self.0.trim_start().strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// What stands up to `mark`, which is taken too.
    fn until(&mut self, mark: char) -> &'static str {
        let (text, rest) = self.0.split_once(mark).unwrap();
        self.0 = rest;
        text
    }

    fn span(&mut self, belongs: impl Fn(char) -> bool) -> &'static str {
        let (text, rest) = self.0.split_at(self.0.find(|c| !belongs(c)).unwrap_or(self.0.len()));
        self.0 = rest;
        text
    }

    fn choice(&mut self) -> Node {
        let mut choices = vec![self.sequence()];
        while self.eat('/') {
            choices.push(self.sequence());
        }
        Node::Choice(choices)
    }

    fn sequence(&mut self) -> Node {
        let mut pieces = Vec::new();
        while !self.0.trim_start().is_empty() && !self.0.trim_start().starts_with(['/', ')', ']']) {
            self.0 = self.0.trim_start();
            pieces.push(self.repeated());
        }
        Node::Sequence(pieces)
    }

    fn repeated(&mut self) -> Node {
        let count = |digits: &str, default| digits.parse().unwrap_or(default);
        let (least, is_open) = (self.span(|c| c.is_ascii_digit()), self.eat('*'));
        let most =
            if is_open { count(self.span(|c| c.is_ascii_digit()), usize::MAX) } else { count(least, 1) };
        let piece = self.piece();
        match (least, is_open) {
            ("", false) => piece,
            _ => Node::Repeated(count(least, 0), most, Box::new(piece)),
        }
    }

    fn piece(&mut self) -> Node {
        if self.eat('(') {
            let inner = self.choice();
            assert!(self.eat(')'));
            return inner;
        }
        if self.eat('[') {
            let inner = self.choice();
            assert!(self.eat(']'));
            return Node::Repeated(0, 1, Box::new(inner));
        }
        if self.eat('{') {
            let names = self.until('}').split(' ').collect();
            self.0 = self.0.trim_start();
            return Node::Not(names, Box::new(self.repeated()));
        }
        if self.eat('"') {
            return Node::Text(self.until('"'));
        }
        if self.eat('%') {
            let octet =
                |reader: &mut Self| u8::from_str_radix(reader.span(|c| c.is_ascii_hexdigit()), 16).unwrap();
            assert!(self.eat('x'));
            let first = octet(self);
            let last = if self.eat('-') { octet(self) } else { first };
            return Node::Octets(first, last);
        }
        Node::Rule(self.span(|c| c.is_ascii_alphanumeric() || c == '-'))
    }
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most as u64) as usize
    }
}

impl Grammar {
    /// Writes something that `node` has; the deeper, the less.
    fn write(&self, node: &Node, chance: &mut Chance, depth: usize, out: &mut Vec<u8>) {
        match node {
            Node::Text(text) if chance.below(8) == 0 => out.extend(text.to_ascii_uppercase().bytes()),
            Node::Text(text) => out.extend(text.bytes()),
            Node::Octets(first, last) => out.push(first + chance.below(usize::from(last - first) + 1) as u8),
            Node::Rule(name) => self.write(&self.rules[name], chance, depth + 1, out),
            Node::Choice(choices) => self.write(&choices[chance.below(choices.len())], chance, depth, out),
            Node::Sequence(pieces) => pieces.iter().for_each(|piece| self.write(piece, chance, depth, out)),
            Node::Repeated(least, most, inner) => {
                let more = (0..3).take_while(|_| depth < 24 && chance.below(2) == 0).count();
                (0..(least + more).min(*most)).for_each(|_| self.write(inner, chance, depth, out));
            }
            Node::Not(_, inner) => self.write(inner, chance, depth, out),
        }
    }

    fn has(&self, rule: &'static str, text: &[u8]) -> bool {
        let mut matcher = Matcher { grammar: self, text, known: HashMap::new() };
        matcher.ends(&Node::Rule(rule), 0).contains(&text.len())
    }
}

/// Where in the text a piece of the grammar that begins at a place may end: all such places.
struct Matcher<'a> {
    grammar: &'a Grammar,
    text: &'a [u8],
    known: HashMap<(&'static str, usize), Rc<BTreeSet<usize>>>,
}

impl Matcher<'_> {
    fn ends(&mut self, node: &Node, at: usize) -> Rc<BTreeSet<usize>> {
        let rest = &self.text[at..];
        let after = |is_there: bool, len: usize| Rc::new(is_there.then_some(at + len).into_iter().collect());
        match node {
            Node::Text(text) => {
                let head = rest.get(..text.len());
                after(head.is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes())), text.len())
            }
            Node::Octets(first, last) => {
                after(rest.first().is_some_and(|octet| (first..=last).contains(&octet)), 1)
            }
            Node::Rule(name) => {
                if let Some(ends) = self.known.get(&(*name, at)) {
                    return Rc::clone(ends);
                }
                let grammar = self.grammar;
                let ends = self.ends(&grammar.rules[name], at);
                self.known.insert((name, at), Rc::clone(&ends));
                ends
            }
            Node::Choice(choices) => {
                Rc::new(choices.iter().flat_map(|choice| (*self.ends(choice, at)).clone()).collect())
            }
            Node::Sequence(pieces) => {
                pieces.iter().fold(Rc::new([at].into()), |from, piece| self.on(&from, piece))
            }
            Node::Repeated(least, most, inner) => {
                let (mut ends, mut last) = (BTreeSet::new(), Rc::new(BTreeSet::from([at])));
                for count in 0..=(*most).min(self.text.len() + 1) {
                    if count >= *least {
                        let before = ends.len();
                        ends.extend(last.iter());
                        if ends.len() == before {
                            break;
                        }
                    }
                    last = self.on(&last, inner);
                }
                Rc::new(ends)
            }
            Node::Not(names, inner) => {
                let name_len =
                    rest.iter().position(|octet| b"=;?>,\"< \t".contains(octet)).unwrap_or(rest.len());
                let is_one = |name: &&str| match name.ends_with(':') {
                    true => {
                        rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name.as_bytes()))
                    }
                    false => rest[..name_len].eq_ignore_ascii_case(name.as_bytes()),
                };
                if names.iter().any(is_one) { after(false, 0) } else { self.ends(inner, at) }
            }
        }
    }

    fn on(&mut self, from: &BTreeSet<usize>, piece: &Node) -> Rc<BTreeSet<usize>> {
        Rc::new(from.iter().flat_map(|at| (*self.ends(piece, *at)).clone()).collect())
    }
}

/// A request with this line, and what else it owes.
fn request(name: &str, value: &[u8]) -> Vec<u8> {
    const USUAL: [&str; 6] = [
        "Via: SIP/2.0/UDP h.org",
        "Max-Forwards: 70",
        "From: <sip:a@h.org>;tag=1",
        "To: <sip:b@h.org>",
        "Call-ID: c",
        "CSeq: 1 OPTIONS",
    ];
    let others = USUAL.iter().filter(|line| line.split(':').next() != Some(name));
    let lines: String = others.map(|line| format!("{line}\r\n")).collect();
    let head = format!("OPTIONS sip:b@h.org SIP/2.0\r\n{lines}{name}: ");
    [head.as_bytes(), value, b"\r\n\r\n"].concat()
}

/// What strictness asks for beyond the productions: bounds of numbers, names that come once, what a message owes.
fn is_beyond_grammar(expected: &str) -> bool {
    let beyond = [
        "a port",
        "a number up to 255",
        "a number above 0",
        "each parameter once",
        "each value once",
        "a tag",
    ];
    beyond.contains(&expected) || expected.contains("below 2^") || expected.contains("'*' alone")
}

/// Whether strict validation says of the value what the grammar says.
fn judge(grammar: &Grammar, name: &'static str, value: &[u8]) {
    let octets = request(name, value);
    // White space behind the colon is no part of a value.
    let blanks = value.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    let is_grammatical = grammar.has(name, &value[blanks..]);
    let found = Message::parse(octets.clone()).map(|message| message.validate().map_err(|found| found.fault));
    let shown = String::from_utf8_lossy(value);
    match found {
        Err(fault) | Ok(Err(fault)) if is_grammatical => {
            assert!(is_beyond_grammar(fault.expected), "{name}: {shown:?} is refused: {fault}");
        }
        Err(_) | Ok(Err(_)) => {}
        Ok(Ok(())) => assert!(is_grammatical, "{name}: {shown:?} passes"),
    }
    // What passes is read by its view, and what is written of that is read as the same.
    check_message(&octets);
}

fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(1000), failure_persistence: None, ..usual }
}

/// RFC 3261 §25.1 and its extensions: random values of every header, as they are and with a few octets changed.
#[test]
fn strict_is_what_the_grammar_says() {
    const ODD: &[u8] = b" \t,;:=\"<>()[]{}\\/@%?&*.-+!'`~#|$_^0a1Z\x01\x7f";
    let grammar = Grammar::new();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3, prop::sample::select(ODD)), 0..3);
    let headers = prop::sample::select(Grammar::headers());
    let mut runner = proptest::test_runner::TestRunner::new(config());
    let cases = (headers, any::<u64>(), edits);
    let result = runner.run(&cases, |(name, seed, edits)| {
        let mut value = Vec::new();
        grammar.write(&grammar.rules[name], &mut Chance(seed), 0, &mut value);
        for (place, kind, octet) in edits {
            let at = place.index(value.len() + 1);
            match kind {
                0 => value.insert(at, octet),
                1 if at < value.len() => _ = value.remove(at),
                _ if at < value.len() => value[at] = octet,
                _ => {}
            }
        }
        prop_assume!(value.len() < 400 && std::str::from_utf8(&value).is_ok());
        judge(&grammar, name, &value);
        Ok(())
    });
    result.unwrap();
}
