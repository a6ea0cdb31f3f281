//! What the RFCs ask of a user agent (`tests/rfc/requirements/*.tsv`, a line for each MUST and SHOULD) against the tests that say
//! which of these lines they hold.
//!
//! A test says so in a comment above its attributes: `// Holds: 3261-8.1.1.1-1, 3261-8.1.1.1-2`, at most [`MOST`] of them: a test
//! that claims more is a test of nothing in particular. Only what the test would notice if it broke belongs there. A line that no test
//! can hold has its reason in the column `exception`. Every MUST has one of the two.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The most lines that one test may hold.
const MOST: usize = 5;

const HEADER: [&str; 5] = ["id", "section", "level", "requirement", "exception"];

/// One line of a list.
struct Requirement {
    id: String,
    must: bool,
    excepted: bool,
}

/// A file of requirements: all of an RFC, or one section of it.
struct List {
    rfc: u32,
    section: Option<String>,
    requirements: Vec<Requirement>,
}

/// A `Holds` line and the test below it.
struct Holding {
    place: String,
    ids: Vec<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, extension)),
            false if path.extension().is_some_and(|ext| ext == extension) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Reads a list named `rfc3262`, `rfc3261-17` or `rfc3261-08`; what is wrong with it goes to `wrong`.
fn read_list(name: &str, text: &str, wrong: &mut Vec<String>) -> List {
    let (rfc, section) = match name.split_once('-') {
        Some((rfc, section)) => (rfc, Some(section.trim_start_matches('0').to_owned())),
        None => (name, None),
    };
    let rfc = rfc.strip_prefix("rfc").and_then(|number| number.parse().ok()).unwrap_or_default();
    if rfc == 0 {
        wrong.push(format!("{name}: not the name of an RFC"));
    }
    let mut list = List { rfc, section, requirements: Vec::new() };
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    if lines.next().is_none_or(|(_, line)| !line.split('\t').eq(HEADER)) {
        wrong.push(format!("{name}: the first line is not the names of the columns"));
    }
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, line) in lines {
        let mut complain =
            |what: &str| wrong.push(format!("{name}.tsv:{}: {what}: {line}", number.saturating_add(1)));
        let columns: Vec<&str> = line.split('\t').collect();
        let ([id, section, level, requirement], exception) = match columns[..] {
            [id, section, level, requirement] => ([id, section, level, requirement], ""),
            [id, section, level, requirement, exception] => ([id, section, level, requirement], exception),
            _ => {
                complain("not five columns");
                continue;
            }
        };
        let count = counts.entry(section).and_modify(|count| *count += 1).or_insert(1);
        if id != format!("{rfc}-{section}-{count}") {
            complain("the id is not the RFC, the section and the running number");
        }
        let is_within = |whole: &str| {
            section.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric());
        if !section.split('.').all(is_number) || !list.section.as_deref().is_none_or(is_within) {
            complain("the section is not one of this file");
        }
        if !["MUST", "SHOULD"].contains(&level) {
            complain("the level is neither MUST nor SHOULD");
        }
        if requirement.trim().is_empty() || requirement.trim() != requirement || exception.trim() != exception
        {
            complain("a text is empty or has blanks around it");
        }
        list.requirements.push(Requirement {
            id: id.to_owned(),
            must: level == "MUST",
            excepted: !exception.is_empty(),
        });
    }
    list
}

/// Every list, in the order of RFC and section.
fn lists(wrong: &mut Vec<String>) -> Vec<List> {
    let mut lists: Vec<List> = files(&root().join("tests/rfc/requirements"), "tsv")
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            read_list(name, &fs::read_to_string(path).unwrap(), wrong)
        })
        .collect();
    let parts = |list: &List| -> Vec<u32> {
        let section = list.section.as_deref().unwrap_or_default();
        section.split('.').map(|part| part.parse().unwrap_or_default()).collect()
    };
    lists.sort_by_key(|list| (list.rfc, parts(list)));
    lists
}

/// Reads the `Holds` lines of a source file; what is wrong with them goes to `wrong`.
fn read_holdings(file: &str, source: &str, wrong: &mut Vec<String>) -> Vec<Holding> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let mut found: Vec<Holding> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut complain = |what: &str| wrong.push(format!("{file}:{}: {what}", at.saturating_add(1)));
        let words = line.trim_start_matches(['/', '!']).trim_start();
        if line.starts_with("//") && words.starts_with("Holds:") && !line.starts_with("// Holds: ") {
            complain("a line of this kind begins with `// Holds: `");
            continue;
        }
        let Some(ids) = line.strip_prefix("// Holds: ") else { continue };
        let ids: Vec<String> = ids.split(',').map(|id| id.trim().to_owned()).collect();
        if ids.len() > MOST {
            complain("one test holds too many lines");
        }
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            complain("an id stands twice");
        }
        let mut below = lines.iter().skip(at.saturating_add(1)).skip_while(|line| line.starts_with("///"));
        let attributes: Vec<_> = below.by_ref().take_while(|line| line.starts_with("#[")).collect();
        if !attributes.iter().any(|line| line.starts_with("#[test]")) {
            complain("no test below");
        }
        if attributes.iter().any(|line| line.starts_with("#[ignore")) {
            complain("the test below does not run");
        }
        let last = at.saturating_add(attributes.len()).saturating_add(1);
        let name = lines.iter().skip(last).find_map(|line| line.strip_prefix("fn ")).unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default();
        found.push(Holding { place: format!("{file}: {name}"), ids });
    }
    found
}

/// Every `Holds` line of the crate.
fn holdings(wrong: &mut Vec<String>) -> Vec<Holding> {
    let root = root();
    let mut found = Vec::new();
    for dir in ["tests", "src"] {
        for path in files(&root.join(dir), "rs") {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            found.extend(read_holdings(&name, &fs::read_to_string(path).unwrap(), wrong));
        }
    }
    found
}

fn held(holdings: &[Holding]) -> BTreeSet<&str> {
    holdings.iter().flat_map(|holding| holding.ids.iter().map(String::as_str)).collect()
}

/// What is wrong between lists and tests: ids that no list has, lines excepted and held all the same, a MUST with neither.
fn disagreements(lists: &[List], holdings: &[Holding]) -> Vec<String> {
    let mut wrong = Vec::new();
    let known: BTreeMap<&str, &Requirement> =
        lists.iter().flat_map(|list| &list.requirements).map(|line| (line.id.as_str(), line)).collect();
    for holding in holdings {
        for id in &holding.ids {
            match known.get(id.as_str()) {
                None => wrong.push(format!("{}: {id} is in no list", holding.place)),
                Some(line) if line.excepted => {
                    wrong.push(format!("{}: {id} is held, so it is no exception", holding.place));
                }
                Some(_) => {}
            }
        }
    }
    let held = held(holdings);
    for line in lists.iter().flat_map(|list| &list.requirements) {
        if line.must && !line.excepted && !held.contains(line.id.as_str()) {
            wrong.push(format!("{}: a MUST that no test holds", line.id));
        }
    }
    wrong
}

/// The figures of the lists for the README.
fn table(lists: &[List], holdings: &[Holding]) -> String {
    let held = held(holdings);
    let mut text = String::from(
        "| | MUST, held by tests | excepted | SHOULD, held by tests | excepted | open |\n|---|---|---|---|---|---|\n",
    );
    let mut sums = [0_usize; 5];
    let row = |text: &mut String, name: &str, figures: [usize; 5]| {
        let figures = figures.map(|figure| if figure == 0 { "–".into() } else { figure.to_string() });
        _ = writeln!(text, "| {name} | {} |", figures.join(" | "));
    };
    for list in lists {
        let count = |must: bool, of: &dyn Fn(&Requirement) -> bool| {
            list.requirements.iter().filter(|line| line.must == must && of(line)).count()
        };
        let is_held = |line: &Requirement| held.contains(line.id.as_str());
        let figures = [
            count(true, &is_held),
            count(true, &|line| line.excepted),
            count(false, &is_held),
            count(false, &|line| line.excepted),
            count(false, &|line| !line.excepted && !is_held(line)),
        ];
        let section = list.section.as_ref().map(|section| format!(" §{section}")).unwrap_or_default();
        row(&mut text, &format!("RFC {}{section}", list.rfc), figures);
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
    }
    row(&mut text, "all", sums);
    text
}

#[test]
fn the_lists_are_well_formed() {
    let mut wrong = Vec::new();
    let lists = lists(&mut wrong);
    let mut ids = BTreeSet::new();
    for line in lists.iter().flat_map(|list| &list.requirements) {
        if !ids.insert(&line.id) {
            wrong.push(format!("{} stands twice", line.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ids.len() > 200, "the reading of the lists is broken: {} lines", ids.len());
}

#[test]
fn the_tests_name_lines_that_exist() {
    let mut wrong = Vec::new();
    let holdings = holdings(&mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!holdings.is_empty(), "the reading of the tests is broken");
}

#[test]
fn every_must_is_held_by_a_test_or_excepted() {
    let (lists, holdings) = (lists(&mut Vec::new()), holdings(&mut Vec::new()));
    let wrong = disagreements(&lists, &holdings);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `BLESS=1` writes the table anew.
#[test]
fn the_readme_has_the_figures() {
    const FROM: &str = "<!-- requirements: BLESS=1 cargo test --test requirements -->\n";
    const TO: &str = "<!-- end of requirements -->";
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(FROM).expect("the mark before the table");
    let (shown, after) = rest.split_once(TO).expect("the mark behind the table");
    let counted = format!("\n{}\n", table(&lists(&mut Vec::new()), &holdings(&mut Vec::new())));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{before}{FROM}{counted}{TO}{after}")).unwrap();
        return;
    }
    assert!(shown == counted, "the README's table is another one (BLESS=1 writes it):\n{counted}");
}

/// Each fault of a list is found.
#[test]
fn faults_of_lists_are_found() {
    let header = HEADER.join("\t");
    let faults = |name: &str, lines: &str| {
        let mut wrong = Vec::new();
        read_list(name, &format!("{header}\n{lines}"), &mut wrong);
        wrong
    };
    assert_eq!(
        faults("rfc9999-1", "# A remark.\n9999-1-1\t1\tMUST\tA.\tB\n9999-1.2-1\t1.2\tSHOULD\tA.\n"),
        [""; 0]
    );
    assert_eq!(faults("rfc9999-08", "9999-8.1-1\t8.1\tMUST\tA.\n"), [""; 0], "files in order by name");
    let bad = [
        ("rfcX", "", "not the name of an RFC"),
        ("rfc9999", "9999-1-1\t1\tMUST\n", "not five columns"),
        ("rfc9999", "9999-1-2\t1\tMUST\tA.\t\n", "running number"),
        ("rfc9999", "9998-1-1\t1\tMUST\tA.\t\n", "the id is not the RFC"),
        ("rfc9999", "9999-1-1\t1\tMUST\tA.\t\n9999-1-1\t1\tMUST\tB.\t\n", "running number"),
        ("rfc9999-1", "9999-12-1\t12\tMUST\tA.\t\n", "the section is not one of this file"),
        ("rfc9999", "9999--1\t\tMUST\tA.\t\n", "the section is not one of this file"),
        ("rfc9999", "9999-1-1\t1\tMAY\tA.\t\n", "neither MUST nor SHOULD"),
        ("rfc9999", "9999-1-1\t1\tMUST\t\t\n", "a text is empty"),
        ("rfc9999", "9999-1-1\t1\tMUST\tA.\t \n", "a text is empty"),
    ];
    for (name, lines, complaint) in bad {
        let wrong = faults(name, lines);
        assert!(wrong.iter().any(|line| line.contains(complaint)), "{name} {lines:?}: {wrong:?}");
    }
    let mut wrong = Vec::new();
    read_list("rfc9999", "9999-1-1\t1\tMUST\tA.\t\n", &mut wrong);
    assert_eq!(wrong.len(), 1, "no names of columns");
}

/// Each fault of a `Holds` line is found.
#[test]
fn faults_of_tests_are_found() {
    let faults = |source: &str| {
        let mut wrong = Vec::new();
        let found = read_holdings("file", source, &mut wrong);
        (found, wrong)
    };
    let good = "/// Words.\n// Holds: 1-1-1, 1-1-2\n#[test]\n#[should_panic]\nfn name() {\n";
    let (found, wrong) = faults(good);
    assert_eq!(wrong, [""; 0]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].place.as_str(), &found[0].ids[..]),
        ("file: name", &["1-1-1", "1-1-2"].map(String::from)[..])
    );
    let bad = [
        ("// Holds: 1, 2, 3, 4, 5, 6\n#[test]\nfn a() {}", "too many"),
        ("// Holds: 1, 1\n#[test]\nfn a() {}", "twice"),
        ("// Holds: 1\nfn a() {}", "no test below"),
        ("// Holds: 1\n\n#[test]\nfn a() {}", "no test below"),
        ("// Holds: 1\n#[test]\n#[ignore]\nfn a() {}", "does not run"),
        ("/// Holds: 1\n#[test]\nfn a() {}", "begins with"),
        ("// Holds:1\n#[test]\nfn a() {}", "begins with"),
    ];
    for (source, complaint) in bad {
        let (_, wrong) = faults(source);
        assert!(wrong.iter().any(|line| line.contains(complaint)), "{source:?}: {wrong:?}");
    }
}

/// A MUST without a test, an id without a line and an exception with a test are found; and the table counts.
#[test]
fn disagreements_are_found_and_lines_counted() {
    let text = format!(
        "{}\n9999-1-1\t1\tMUST\tA.\n9999-1-2\t1\tMUST\tB.\tC\n9999-1-3\t1\tSHOULD\tD.\n9999-1-4\t1\tSHOULD\tE.\tF\n",
        HEADER.join("\t")
    );
    let list = [read_list("rfc9999-1", &text, &mut Vec::new())];
    let holding = |ids: &[&str]| {
        [Holding { place: "here".into(), ids: ids.iter().copied().map(String::from).collect() }]
    };
    assert_eq!(disagreements(&list, &[]), ["9999-1-1: a MUST that no test holds"]);
    assert_eq!(disagreements(&list, &holding(&["9999-1-1"])), [""; 0]);
    let wrong = disagreements(&list, &holding(&["9999-1-1", "9999-1-2", "9999-1-5"]));
    assert_eq!(wrong, ["here: 9999-1-2 is held, so it is no exception", "here: 9999-1-5 is in no list"]);
    let rows = |holdings: &[Holding]| table(&list, holdings).lines().nth(2).unwrap().to_owned();
    assert_eq!(rows(&holding(&["9999-1-1"])), "| RFC 9999 §1 | 1 | 1 | – | 1 | 1 |");
    assert_eq!(rows(&holding(&["9999-1-1", "9999-1-3"])), "| RFC 9999 §1 | 1 | 1 | 1 | 1 | – |");
}
