//! Our reading of `ssh_config` beside that of the system's own `ssh -G`, over the files of
//! `tests/ssh/configs`: the shapes of public dotfiles with other names. The first line of each says
//! which hosts are asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use spot_tui::ssh::{self, Hop, Settings, SshConfigFile};
use tempfile::TempDir;

/// What is honoured. Each is compared for each host.
const HONOURED: [&str; 15] = [
    "hostname",
    "port",
    "user",
    "identityfile",
    "identitiesonly",
    "certificatefile",
    "identityagent",
    "hostkeyalias",
    "userknownhostsfile",
    "globalknownhostsfile",
    "stricthostkeychecking",
    "connecttimeout",
    "serveraliveinterval",
    "serveralivecountmax",
    "proxyjump",
];

/// Where we differ, and why. `*` stands for all files.
const DIFFERENCES: [(&str, &str, &str); 6] = [
    ("*", "connecttimeout none", "unset means the system's limit there, ten seconds here"),
    ("*", "serveraliveinterval 0", "unset means never there; here a dead host has to be noticed"),
    ("*", "stricthostkeychecking ask", "nobody is there to be asked: an unknown key is refused"),
    ("match-exec-true", "port", "its command is not run: the block is passed over with a warning"),
    ("lima", "serveraliveinterval 300", "Debian's own: BatchMode sets it there"),
    ("command", "proxycommand", "it is refused: no command is ever run"),
];

struct Oracle {
    folder: TempDir,
    home: PathBuf,
    me: String,
}

/// Options by keyword, each with its values in order.
type Options = BTreeMap<String, Vec<String>>;

impl Oracle {
    /// Copies the files to a folder, so that includes can name it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ssh/configs");
        for part in ["", "config.d", "nested"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
            for entry in fs::read_dir(from.join(part)).unwrap().map(Result::unwrap) {
                if entry.path().is_file() {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    let text = text.replace("@DIR@", folder.path().to_str().unwrap());
                    fs::write(folder.path().join(part).join(entry.file_name()), text).unwrap();
                }
            }
        }
        fs::write(folder.path().join("empty-user-file"), "").unwrap();
        let mut oracle = Self { folder, home: PathBuf::new(), me: String::new() };
        // ssh takes both from the system's accounts, whatever the environment says.
        let plain = oracle.ssh("empty-user-file", "anybody").unwrap();
        let known_hosts = plain["userknownhostsfile"][0].split(' ').next().unwrap();
        oracle.home = Path::new(known_hosts).ancestors().nth(2).unwrap().into();
        oracle.me.clone_from(&plain["user"][0]);
        oracle
    }

    fn configs(&self) -> Vec<(String, Vec<String>)> {
        let mut configs: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "conf"))
            .map(|path| {
                let text = fs::read_to_string(&path).unwrap();
                let asked = text.lines().next().unwrap().strip_prefix("# ask: ").unwrap();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                (name, asked.split_whitespace().map(str::to_owned).collect())
            })
            .collect();
        configs.sort();
        configs
    }

    fn path(&self, name: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{name}.conf"));
        if file.exists() { file } else { self.folder.path().join(name) }
    }

    /// What the system's `ssh` says; an error when it refuses the file.
    fn ssh(&self, name: &str, host: &str) -> Result<Options, String> {
        let mut command = Command::new("ssh");
        command.args(["-G", "-F"]).arg(self.path(name)).args(["--", host]);
        let done = command.output().expect("ssh is missing: apt-get install openssh-client");
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let mut options = Options::new();
        for line in String::from_utf8_lossy(&done.stdout).lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            options.entry(keyword.to_owned()).or_default().push(value.to_owned());
        }
        Ok(options)
    }

    /// Its raw values with tokens filled in, as its manual says, and in our order.
    fn expanded(&self, raw: &Options, host: &str) -> Options {
        let one = |keyword: &str| raw.get(keyword).map_or("", |values| values[0].as_str());
        let (user, port) = (one("user"), one("port"));
        let alias = Some(one("hostkeyalias")).filter(|alias| !alias.is_empty()).unwrap_or(host);
        let home = self.home.to_str().unwrap();
        let expand = |text: &str| {
            let text = [
                ("%d", home),
                ("%h", one("hostname")),
                ("%k", alias),
                ("%n", host),
                ("%p", port),
                ("%r", user),
                ("%u", &self.me),
                ("${HOME}", &std::env::var("HOME").unwrap()),
            ]
            .iter()
            .fold(text.to_owned(), |text, (token, value)| text.replace(token, value));
            match text.strip_prefix("~/") {
                Some(below) => format!("{home}/{below}"),
                None => text,
            }
        };
        let mut options: Options = raw
            .iter()
            .filter(|(keyword, _)| HONOURED.contains(&keyword.as_str()))
            .map(|(keyword, values)| {
                let values = match keyword.as_str() {
                    "user" => values.clone(),
                    _ => values.iter().map(|value| expand(value)).collect(),
                };
                (keyword.clone(), values)
            })
            .collect();
        // The usual keys are tried by both.
        let files = options.get_mut("identityfile").unwrap();
        if files.iter().any(|path| path.ends_with("id_xmss")) {
            files.clear();
        }
        files.retain(|path| path != "none");
        if files.is_empty() {
            options.remove("identityfile");
        }
        if let Some(agent) = options.get_mut("identityagent") {
            match agent[0].as_str() {
                "SSH_AUTH_SOCK" => drop(options.remove("identityagent")),
                "$HOME" => agent[0] = std::env::var("HOME").unwrap(),
                _ => {}
            }
        }
        options
    }

    /// What we say of a host that is reached as `ssh` reaches it: as a jump host, for to our own
    /// instances our own settings come first.
    fn ours(&self, name: &str, user: Option<&str>, host: &str) -> Result<Options, String> {
        let target = "behind-the-host-that-is-asked-for";
        let address = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let login = user.map(|user| format!("{user}@")).unwrap_or_default();
        let text = fs::read_to_string(self.path(name)).unwrap();
        let before = format!("Host {target}\n  ProxyJump {login}{address}\nMatch all\n");
        let path = self.folder.path().join("ours");
        fs::write(&path, before + &text).unwrap();
        let config = SshConfigFile::load(Some(&path), &self.home).map_err(|e| e.to_string())?;
        let settings = Settings {
            local_user: self.me.clone(),
            home: self.home.clone(),
            ..Settings::new("ubuntu")
        };
        let route = ssh::resolve(&config, target, &settings).map_err(|error| error.to_string())?;
        let (hop, before) = route.jumps.split_last().unwrap();
        Ok(options(hop, before))
    }
}

/// Ours in the words of `ssh -G`.
fn options(hop: &Hop, jumps: &[Hop]) -> Options {
    let mut options = Options::new();
    for (keyword, words) in hop.options() {
        let value = match (keyword, words.join(" ").as_str()) {
            ("StrictHostKeyChecking", "yes") => "true".to_owned(),
            ("StrictHostKeyChecking", "no") => "false".to_owned(),
            (_, words) => words.to_owned(),
        };
        options.entry(keyword.to_lowercase()).or_default().push(value);
    }
    if !jumps.is_empty() {
        let list: Vec<&str> = jumps.iter().map(|hop| hop.alias.as_str()).collect();
        options.insert("proxyjump".into(), vec![list.join(",")]);
    }
    options
}

/// The hosts of a list of jump hosts, without users and ports: those are part of the hops.
fn only_hosts(list: &str) -> String {
    let host = |jump: &str| {
        let address = jump.rsplit('@').next().unwrap().to_owned();
        match address.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap().to_owned(),
            None => address.split(':').next().unwrap().to_owned(),
        }
    };
    list.split(',').map(host).collect::<Vec<_>>().join(",")
}

#[test]
fn our_reading_of_ssh_config_is_that_of_the_systems_ssh() {
    let oracle = Oracle::new();
    let configs = oracle.configs();
    assert!(configs.len() >= 60, "{}", configs.len());
    let (mut compared, mut explained) = (0, vec![false; DIFFERENCES.len()]);
    let mut unexplained = Vec::new();
    for (name, hosts) in configs {
        for asked in hosts {
            let (user, host) =
                asked.split_once('@').map_or((None, asked.as_str()), |(u, h)| (Some(u), h));
            let mut differ = |what: String| {
                let known = DIFFERENCES.iter().position(|(file, difference, _)| {
                    (*file == "*" || *file == name) && what.starts_with(difference)
                });
                match known {
                    Some(at) => explained[at] = true,
                    None => unexplained.push(format!("{name} {asked}: {what}")),
                }
            };
            let (theirs, ours) = (oracle.ssh(&name, &asked), oracle.ours(&name, user, host));
            compared += 1;
            let (raw, ours) = match (theirs, ours) {
                // A file that ssh refuses is refused here.
                (Err(_), Err(_)) => continue,
                (Ok(raw), Err(ours)) if raw.contains_key("proxycommand") => {
                    assert!(ours.contains("`ProxyCommand` runs a command"), "{ours}");
                    differ("proxycommand".into());
                    continue;
                }
                (Ok(raw), Ok(ours)) => (raw, ours),
                (theirs, ours) => {
                    differ(format!("theirs {:?}, ours {ours:?}", theirs.map(|_| "fine")));
                    continue;
                }
            };
            let mut theirs = oracle.expanded(&raw, host);
            let mut ours = ours;
            // Of a chain we go through the jump hosts' own jump hosts as well.
            let chain = theirs.remove("proxyjump").map(|list| only_hosts(&list[0]));
            let own = ours.remove("proxyjump").map(|list| list[0].clone());
            if !own.as_deref().unwrap_or_default().ends_with(chain.as_deref().unwrap_or_default())
                || chain.is_none() != own.is_none()
            {
                differ(format!("proxyjump: theirs {chain:?}, ours {own:?}"));
            }
            for keyword in HONOURED {
                let (theirs, ours) = (theirs.get(keyword), ours.get(keyword));
                if theirs != ours {
                    let first = theirs.map_or("", |values| values[0].as_str());
                    differ(format!("{keyword} {first}: theirs {theirs:?}, ours {ours:?}"));
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "of {compared}:\n{}", unexplained.join("\n"));
    let stale: Vec<_> = DIFFERENCES.iter().zip(explained).filter(|(_, met)| !met).collect();
    assert!(stale.is_empty(), "differences that are none: {stale:?}");
}
