//! Which file knows which, and that no two files know each other, not even over others.
//!
//! A path is followed to the file that defines what it names: a re-export is a signpost, it knows
//! nothing. Methods are not seen: whoever calls one names its type somewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use super::syntax::{block, is_word, paths, tokens, without_tests};

/// A name in `use`, and the path that it stands for. `*` is the name of everything.
#[derive(Debug, Clone)]
struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

/// One file and what its paths say.
struct File {
    module: Vec<String>,
    imports: Vec<Import>,
    /// The paths outside of `use` lines, and the first words of them.
    paths: Vec<Vec<String>>,
    words: BTreeSet<String>,
}

/// All files, and the files that each of them knows.
pub(super) struct Graph {
    files: Vec<File>,
    by_module: BTreeMap<Vec<String>, usize>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// Reads the files; `main.rs` and the crate's root only say which rooms there are.
    pub(super) fn read(sources: &[Source]) -> Self {
        let files: Vec<File> = sources.iter().map(File::read).collect();
        let by_module =
            files.iter().enumerate().map(|(at, file)| (file.module.clone(), at)).collect();
        let mut graph = Self { files, by_module, edges: BTreeMap::new() };
        graph.edges =
            graph.files.iter().map(|file| (file.module.join("::"), graph.known_by(file))).collect();
        graph
    }

    fn known_by(&self, file: &File) -> BTreeSet<String> {
        let named = file
            .imports
            .iter()
            .filter(|import| !import.is_public || file.words.contains(&import.name))
            .map(|import| &import.path);
        let known: BTreeSet<usize> =
            named.chain(&file.paths).filter_map(|path| self.defining_file(file, path, 8)).collect();
        let known = known.into_iter().map(|at| self.files[at].module.join("::"));
        known.filter(|name| *name != file.module.join("::")).collect()
    }

    /// The file that defines what this path names; `None` for another crate's, and for a module,
    /// of which nothing is used yet. Re-exports lead on, but not for ever.
    fn defining_file(&self, file: &File, path: &[String], hops: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let inside = match first.as_str() {
            "crate" => rest.to_vec(),
            "self" => [&file.module[..], rest].concat(),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                [&file.module[..file.module.len().checked_sub(ups)?], &path[ups..]].concat()
            }
            _ if self
                .by_module
                .contains_key(&[&file.module[..], std::slice::from_ref(first)].concat()) =>
            {
                [&file.module[..], path].concat()
            }
            // A name that was brought in here.
            _ => {
                let import = file.imports.iter().find(|import| import.name == *first)?;
                let whole = [&import.path[..], rest].concat();
                return (hops > 0).then(|| self.defining_file(file, &whole, hops - 1))?;
            }
        };
        let depth = (0..=inside.len())
            .rev()
            .find(|depth| self.by_module.contains_key(&inside[..*depth]))?;
        let at = self.by_module[&inside[..depth]];
        let name = inside.get(depth)?;
        let target = &self.files[at];
        let named = target.imports.iter().find(|import| import.name == *name);
        let all = target.imports.iter().filter(|it| it.name == "*" && it.is_public);
        for import in named.into_iter().chain(all).filter(|_| hops > 0) {
            let whole = match import.name.as_str() {
                "*" => [&import.path[..], &inside[depth..]].concat(),
                _ => [&import.path[..], &inside[depth + 1..]].concat(),
            };
            let found = self.defining_file(target, &whole, hops - 1);
            if import.name != "*" {
                return found;
            }
        }
        Some(at)
    }

    /// Files that know each other, the largest group first.
    pub(super) fn circles(&self) -> Vec<BTreeSet<String>> {
        let reach: BTreeMap<&String, BTreeSet<&String>> =
            self.edges.keys().map(|from| (from, self.reachable(from))).collect();
        let mut circles: BTreeSet<BTreeSet<String>> = BTreeSet::new();
        for (from, reached) in reach.iter().filter(|(from, reached)| reached.contains(*from)) {
            let back = reached.iter().filter(|to| reach[**to].contains(*from));
            circles.insert(back.map(|name| (*name).clone()).collect());
        }
        let mut circles: Vec<_> = circles.into_iter().collect();
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    /// The arrows by which these files know each other, one a line.
    pub(super) fn arrows_within(&self, circle: &BTreeSet<String>) -> String {
        let known = |from: &String| self.edges[from].intersection(circle).cloned();
        let lines =
            circle.iter().flat_map(|from| known(from).map(move |to| format!("  {from} -> {to}\n")));
        lines.collect()
    }

    fn reachable<'a>(&'a self, from: &'a String) -> BTreeSet<&'a String> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&String> = self.edges[from].iter().collect();
        while let Some(file) = next.pop() {
            if seen.insert(file) {
                next.extend(&self.edges[file]);
            }
        }
        seen
    }

    /// The longest way down, from the highest file to one that knows no other.
    pub(super) fn longest_path(&self) -> Vec<&str> {
        let mut known = BTreeMap::new();
        let paths = self.edges.keys().map(|file| self.longest_from(file, &mut known));
        paths.max_by_key(Vec::len).unwrap_or_default()
    }

    fn longest_from<'a>(
        &'a self,
        file: &'a str,
        known: &mut BTreeMap<&'a str, Vec<&'a str>>,
    ) -> Vec<&'a str> {
        if let Some(path) = known.get(file) {
            return path.clone();
        }
        // Where there is a circle, nothing is longest: this stops its walk.
        known.insert(file, vec![file]);
        let below = self.edges[file].iter().map(|next| self.longest_from(next, known));
        let longest = below.max_by_key(Vec::len).unwrap_or_default();
        let path = [&[file], &longest[..]].concat();
        known.insert(file, path.clone());
        path
    }
}

impl File {
    fn read(source: &Source) -> Self {
        let tokens = without_tests(&tokens(&source.text));
        let (mut imports, mut rest) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at] == "use" {
                let end = tokens[at..].iter().position(|token| token == ";").unwrap_or(0) + at;
                let is_public = at > 0 && ["pub", ")"].contains(&tokens[at - 1].as_str());
                import(&tokens[at + 1..end], &[], is_public, &mut imports);
                at = end;
            }
            rest.push(tokens[at].clone());
            at += 1;
        }
        let is_name = |token: &&String| is_word(token.chars().next().unwrap_or(' '));
        let words = rest.iter().filter(is_name).cloned().collect();
        Self { module: source.module.clone(), imports, paths: paths(&rest), words }
    }
}

/// Reads one tree of a `use` line.
fn import(tokens: &[String], before: &[String], is_public: bool, found: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let mut at = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => {
                let inside = &tokens[at + 1..at + block(&tokens[at..]) - 1];
                let mut begin = 0;
                let mut depth = 0;
                for (end, token) in inside.iter().enumerate() {
                    match token.as_str() {
                        "{" => depth += 1,
                        "}" => depth -= 1,
                        "," if depth == 0 => {
                            import(&inside[begin..end], &path, is_public, found);
                            begin = end + 1;
                        }
                        _ => {}
                    }
                }
                return import(&inside[begin..], &path, is_public, found);
            }
            "as" => {
                let name = tokens[at + 1].clone();
                return found.push(Import { name, path, is_public });
            }
            "::" => {}
            // `use a::{self, B}`.
            "self" if !path.is_empty() => {}
            "*" => return found.push(Import { name: "*".into(), path, is_public }),
            word => path.push(word.to_owned()),
        }
        at += 1;
    }
    if let Some(name) = path.last().filter(|_| path.len() > before.len() || !tokens.is_empty()) {
        found.push(Import { name: name.clone(), path, is_public });
    }
}
