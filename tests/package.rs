//! What is published: the crate, which has to hold all that it is built from; and the tarball and the
//! Debian package, which follow from the program and the commit alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The lines that a program printed, which has to end well.
fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The files that `cargo package` would publish.
fn packaged() -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--allow-dirty", "--locked", "--offline"]);
    lines(&cargo.current_dir(root()).output().unwrap()).into_iter().collect()
}

/// The source files of the program, and those that it takes in when it is compiled.
fn taken_in() -> BTreeSet<String> {
    let mut taken = BTreeSet::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            // Whole files of tests are compiled for tests alone.
            if !path.ends_with("tests.rs") {
                taken.extend(included(code, path.parent().unwrap()));
            }
            taken.insert(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    taken
}

/// The files that a source takes in by `include_str!` and its like.
fn included(code: &str, folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["include_str!(", "include_bytes!(", "include_dir!("] {
        for rest in code.split(name).skip(1) {
            let named = rest.split('"').nth(1).unwrap();
            let path = named.strip_prefix("$CARGO_MANIFEST_DIR/");
            let path = path.map_or_else(|| folder.join(named), |path| root().join(path));
            let path = path.canonicalize().unwrap();
            let files = if path.is_dir() { files_in(&path) } else { vec![path] };
            let inside = files.iter().map(|file| file.strip_prefix(root().canonicalize().unwrap()));
            found.extend(inside.map(|file| file.unwrap().display().to_string()));
        }
    }
    found
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// A crate that lacks one of them cannot be installed: a test that runs in the checkout does not see
/// that.
#[test]
fn the_crate_holds_all_that_it_is_built_from_and_no_tests() {
    let packaged = packaged();
    let missing: Vec<String> = taken_in().difference(&packaged).cloned().collect();
    assert!(missing.is_empty(), "the crate lacks {missing:?}");
    for file in ["Cargo.lock", "LICENSE", "README.md", "CHANGELOG.md", "config.yaml.example"] {
        assert!(packaged.contains(file), "the crate lacks {file}");
    }
    let strange = packaged.iter().filter(|file| {
        ["tests/", ".ci/", "hooks/", "benches/"].iter().any(|folder| file.starts_with(folder))
    });
    assert_eq!(strange.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A stand-in that is as small as a file can be: what is packed and not what it does is looked at.
/// It answers by the program itself.
fn small_program(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("spot-tui");
    let text = format!("#!/bin/sh\nexec {} \"$@\"\n", env!("CARGO_BIN_EXE_spot-tui"));
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path
}

fn dist(program: &Path, folder: &Path) -> PathBuf {
    let mut script = Command::new(root().join("packaging/dist.sh"));
    script.arg(program).arg(folder).env("SOURCE_DATE_EPOCH", "1764288000");
    lines(&script.output().unwrap());
    folder.to_owned()
}

fn made_in(folder: &Path, end: &str) -> PathBuf {
    let found = files_in(folder).into_iter().find(|path| path.to_str().unwrap().ends_with(end));
    found.unwrap_or_else(|| panic!("no {end} in {}", folder.display()))
}

#[test]
fn the_packages_are_whole_and_twice_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let program = small_program(&folder);
    let first = dist(&program, &folder.path().join("first"));
    // Whoever makes it, with whatever mask, on another day.
    fs::write(&program, fs::read(&program).unwrap()).unwrap();
    let second = dist(&program, &folder.path().join("second"));
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&second));
    let mut check = Command::new("sha256sum");
    lines(&check.args(["--check", "SHA256SUMS"]).current_dir(&first).output().unwrap());
    let version = env!("CARGO_PKG_VERSION");
    let tarball = made_in(&first, ".tar.gz");
    let listed = lines(&Command::new("tar").arg("-tzf").arg(&tarball).output().unwrap());
    assert!(listed.is_sorted(), "{listed:?}");
    for end in [
        "/spot-tui",
        "/completions/spot-tui.zsh",
        "/man/spot-tui-create.1",
        "/examples/ci-runners.yaml",
        "/schemas/list.schema.json",
        "/THIRD-PARTY.txt",
        "/LICENSE",
    ] {
        assert!(listed.iter().any(|name| name.ends_with(end)), "the tarball lacks {end}");
    }
    let package = made_in(&first, ".deb");
    let field = |name: &str| {
        let told = Command::new("dpkg-deb").arg("--field").arg(&package).arg(name).output();
        lines(&told.unwrap()).concat()
    };
    assert_eq!((field("Package"), field("Version")), ("spot-tui".into(), version.into()));
    assert!(field("Depends").contains("libc6"), "{}", field("Depends"));
    let held = lines(&Command::new("dpkg-deb").arg("--contents").arg(&package).output().unwrap());
    assert!(held.iter().all(|line| line.contains(" root/root ")), "{held:?}");
    for path in [
        "./usr/bin/spot-tui",
        "./usr/share/man/man1/spot-tui.1.gz",
        "./usr/share/bash-completion/completions/spot-tui",
        "./usr/share/zsh/vendor-completions/_spot-tui",
        "./usr/share/doc/spot-tui/copyright",
        "./usr/share/doc/spot-tui/THIRD-PARTY.txt.gz",
    ] {
        assert!(held.iter().any(|line| line.ends_with(path)), "the package lacks {path}");
    }
}

/// Each crate that is linked stands in it with a text.
#[test]
fn the_licences_of_what_is_linked_are_told() {
    let told = Command::new("python3")
        .arg(root().join("packaging/licences.py"))
        .current_dir(root())
        .output()
        .unwrap();
    let told = lines(&told);
    for crate_name in ["aws-sdk-ec2 ", "russh ", "ratatui ", "option-ext "] {
        assert!(told.iter().any(|line| line.starts_with(crate_name)), "{crate_name}");
    }
    let tests_alone = ["insta ", "proptest ", "vt100 "];
    assert!(!told.iter().any(|line| tests_alone.iter().any(|name| line.starts_with(name))));
}

/// An image is made from what is in the repository, and its program is nobody's root.
#[test]
fn the_dockerfile_copies_what_is_there_and_ends_as_no_root() {
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let steps: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let known = ["ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "ENTRYPOINT", "LABEL"];
    let last = steps.iter().rposition(|step| step[0] == "FROM").unwrap();
    for (at, step) in steps.iter().enumerate() {
        assert!(known.contains(&step[0]), "{step:?}");
        if step[0] == "COPY" && !step[1].starts_with("--from") {
            let sources = &step[1..step.len() - 1];
            assert!(sources.iter().all(|it| root().join(it).exists()), "{step:?}");
        }
        assert!(at < last || step[0] != "RUN", "the image has no shell: {step:?}");
    }
    let user = steps[last..].iter().find(|step| step[0] == "USER").unwrap();
    assert!(!["root", "0"].contains(&user[1].split(':').next().unwrap()), "{user:?}");
}

/// What the Dockerfile copies before it builds is all that the build takes in: in a folder of that
/// alone the manifest can be read, and nothing is missing.
#[test]
fn the_dockerfile_copies_all_that_is_built_from() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let (build, _) = text.split_once("RUN cargo build").unwrap();
    for line in build.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut step = match words.as_slice() {
            ["COPY", sources @ .., "./"] => {
                let mut copy = Command::new("cp");
                copy.args(sources).arg(folder.path());
                copy
            }
            ["COPY", source, target] => {
                let mut copy = Command::new("cp");
                copy.arg("-r").arg(source).arg(folder.path().join(target));
                copy
            }
            ["RUN", "mkdir", ..] => {
                let mut run = Command::new("sh");
                run.arg("-c").arg(line.trim_start_matches("RUN "));
                run
            }
            _ => continue,
        };
        let is_run = words[0] == "RUN";
        step.current_dir(if is_run { folder.path() } else { root() });
        lines(&step.output().unwrap());
    }
    let missing = taken_in().into_iter().filter(|file| !folder.path().join(file).exists());
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new());
    let mut manifest = Command::new(env!("CARGO"));
    manifest.args(["metadata", "--no-deps", "--locked", "--offline", "--format-version", "1"]);
    let told = lines(&manifest.current_dir(folder.path()).output().unwrap()).concat();
    let told: Value = serde_json::from_str(&told).unwrap();
    let targets = told["packages"][0]["targets"].as_array().unwrap().iter();
    let sources = targets.map(|target| target["src_path"].as_str().unwrap());
    let missing: Vec<&str> = sources.filter(|source| !Path::new(source).exists()).collect();
    assert_eq!(missing, Vec::<&str>::new(), "the manifest names them");
}
