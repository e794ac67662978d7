//! Conventions that nothing else would notice: no forgotten test, every route and command told to
//! the reader, heads of files, and templates that hold to the policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path.as_ref())).unwrap()
}

/// All files below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The modules that a file declares.
fn modules(file: &Path) -> BTreeSet<String> {
    let lines = std::fs::read_to_string(file).unwrap();
    let declared =
        |line: &str| line.trim().trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned);
    lines.lines().filter_map(declared).collect()
}

/// The modules that lie in a folder.
fn modules_in(folder: &Path) -> BTreeSet<String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let is_module =
        |path: &PathBuf| path.extension().is_some_and(|ending| ending == "rs") || path.join("mod.rs").exists();
    paths.filter(is_module).map(stem).filter(|name| name != "main" && name != "mod").collect()
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = root().join("tests");
    assert_eq!(modules(&tests.join("main.rs")), modules_in(&tests), "tests/main.rs lists what lies beside it");
    let folders = std::fs::read_dir(&tests).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for folder in folders.filter(|folder| !modules_in(folder).is_empty()) {
        let beside = folder.with_extension("rs");
        let lists = if beside.exists() { beside } else { folder.join("mod.rs") };
        assert_eq!(modules(&lists), modules_in(&folder), "{} lists its folder", lists.display());
    }
}

#[test]
fn every_source_file_opens_with_what_it_is() {
    for path in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        assert!(read(&path).starts_with("//! "), "{}", path.display());
    }
}

#[test]
fn no_source_file_is_long_and_none_puts_work_off() {
    for path in files("src", "rs") {
        let text = read(&path);
        assert!(text.lines().count() <= 400, "{} has {} lines", path.display(), text.lines().count());
        let put_off = text.lines().find(|line| ["TODO", "FIXME", "XXX"].iter().any(|word| line.contains(word)));
        assert_eq!(put_off, None, "{}", path.display());
    }
}

/// The addresses of the router, the ones that links name included.
fn routes() -> BTreeSet<String> {
    let (router, links) = (read("src/web/mod.rs"), read("src/web/links.rs"));
    let mut found = BTreeSet::new();
    for route in router.split(".route(").skip(1) {
        let first = route.split(',').next().unwrap().trim();
        let path = match first.strip_prefix("links::") {
            Some(name) => links.split(&format!("const {name}: &str = ")).nth(1).unwrap().split(';').next().unwrap(),
            None => first,
        };
        found.insert(path.trim_matches('"').to_owned());
    }
    found
}

#[test]
fn the_readme_names_every_route() {
    let readme = read("README.md");
    let routes = routes();
    assert!(routes.contains("/snapshots") && routes.contains("/snapshots/restore/{id}"), "{routes:?}");
    // The files of the pages are theirs alone.
    let public = routes.iter().filter(|route| *route != "/static/{*path}");
    let untold: Vec<&String> = public.filter(|route| !is_route_told(&readme, route)).collect();
    assert!(untold.is_empty(), "README.md does not name {untold:?}");
}

/// The whole path, or its end on a line that begins a list with a sister of it.
fn is_route_told(readme: &str, route: &str) -> bool {
    let (parent, end) = route.rsplit_once('/').unwrap();
    let listed =
        |line: &str| !parent.is_empty() && line.contains(&format!("{parent}/")) && line.contains(&format!("`/{end}`"));
    let whole = [format!(" {route}`"), format!(" {route}?")];
    readme.lines().any(|line| whole.iter().any(|whole| line.contains(whole)) || listed(line))
}

/// The subcommands that `--help` of a command lists.
fn subcommands(command: &[&str]) -> Vec<String> {
    let mut help = Command::new(env!("CARGO_BIN_EXE_backstitch"));
    let help = help.args(command).arg("--help").output().unwrap();
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    let Some(list) = text.split("Commands:\n").nth(1) else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // Descriptions that are wrapped stand further to the right.
    let names = lines.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command with its words, the groups themselves left out.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    for name in subcommands(&[]) {
        let below = subcommands(&[&name]);
        match below.is_empty() {
            true => found.push(name),
            false => found.extend(below.iter().map(|sub| format!("{name} {sub}"))),
        }
    }
    found
}

#[test]
fn the_readme_names_every_command() {
    let readme = read("README.md");
    let commands = commands();
    assert!(commands.iter().any(|name| name == "append") && commands.iter().any(|name| name == "snapshot take"));
    let untold: Vec<&String> = commands.iter().filter(|name| !is_command_told(&readme, name)).collect();
    assert!(untold.is_empty(), "README.md does not name {untold:?}");
}

/// `snapshot take` by itself, or `take` in a list of what stands after `snapshot`.
fn is_command_told(readme: &str, command: &str) -> bool {
    let Some((group, name)) = command.split_once(' ') else { return readme.contains(&format!("backstitch {command}")) };
    let lists = readme.lines().filter_map(|line| line.split_once(&format!("backstitch {group} ")));
    lists.flat_map(|(_, after)| after.split_whitespace().next()).any(|list| {
        list.split(['|', '`', ',']).any(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()) == name)
    })
}

#[test]
fn templates_leave_escaping_on_and_hold_no_inline_script_or_style() {
    for path in files("templates", "html") {
        let text = read(&path);
        let squeezed: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!squeezed.replace(' ', "").contains("|safe"), "{}", path.display());
        assert!(!text.contains("<style") && !text.contains("javascript:"), "{}", path.display());
        for tag in tags(&squeezed) {
            let inline = |name: &str| name == "style" || name.starts_with("on");
            let found = attributes(tag).into_iter().find(|name| inline(name));
            assert_eq!(found, None, "{}: {tag}", path.display());
            assert!(!tag.starts_with("<script") || tag.contains(" src="), "{}: {tag}", path.display());
        }
        assert!(text.split("<script").skip(1).all(|after| after.contains("></script>")), "{}", path.display());
    }
}

/// The opening tags of a template.
fn tags(text: &str) -> Vec<&str> {
    let starts = text
        .match_indices('<')
        .map(|(at, _)| at)
        .filter(|at| text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()));
    starts.map(|at| &text[at..at + text[at..].find('>').unwrap()]).collect()
}

/// The names of what is set in a tag.
fn attributes(tag: &str) -> Vec<&str> {
    tag.match_indices('=').filter_map(|(at, _)| tag[..at].split([' ', '}']).next_back()).collect()
}

#[test]
fn the_tags_of_a_template_are_found() {
    let tag = tags("a < b <p>x</p><a {% if y %}onclick=\"z\"{% endif %} href='/'>")[1];
    assert_eq!(attributes(tag), ["onclick", "href"]);
}
