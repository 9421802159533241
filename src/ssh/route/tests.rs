use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::ssh::Undecided;

struct Written {
    _home: tempfile::TempDir,
    path: PathBuf,
    config: Result<SshConfigFile, SshError>,
}

fn written(text: &str) -> Written {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("ssh_config");
    fs::write(&path, text).unwrap();
    let config = SshConfigFile::load(Some(&path), Path::new("/home/me"));
    Written { _home: home, path, config }
}

fn settings() -> Settings {
    Settings {
        default_user: "ubuntu".into(),
        user: None,
        local_user: "me".into(),
        port: None,
        identity: None,
        agent: None,
        home: "/home/me".into(),
    }
}

/// What is said of a host that is no instance of ours.
fn jump(text: &str, host: &str) -> Hop {
    let text = format!("Host target\n ProxyJump {host}\nMatch all\n{text}");
    route(&text, "target").jumps.pop().unwrap()
}

fn route(text: &str, host: &str) -> Route {
    resolve(&written(text).config.unwrap(), host, &settings()).unwrap()
}

fn refusal(text: &str, host: &str) -> String {
    let written = written(text);
    let name = written.path.display().to_string();
    let error = match written.config {
        Err(error) => error,
        Ok(config) => resolve(&config, host, &settings()).unwrap_err(),
    };
    error.to_string().replace(&name, "ssh_config")
}

#[test]
fn without_a_file_every_host_is_what_its_name_says() {
    let route = resolve(&SshConfigFile::empty(Path::new("/home/me")), "192.0.2.1", &settings());
    let target = route.unwrap().target;
    assert_eq!(
        (target.host.as_str(), target.port, target.user.as_str()),
        ("192.0.2.1", 22, "ubuntu")
    );
    assert!(target.identities.is_empty() && !target.identities_only);
}

#[test]
fn the_first_value_wins_and_key_files_add_up() {
    let target = jump(
        "Host web\n HostName 192.0.2.7\n Port 2222\n User admin\n IdentityFile ~/.ssh/web\n\
         ConnectTimeout 3\nHost *\n Port 22\n User nobody\n IdentityFile %d/%r@%h.key\n\
         IdentitiesOnly yes\n",
        "web",
    );
    assert_eq!(target.address(), "192.0.2.7:2222");
    assert_eq!(target.user, "admin");
    assert_eq!(
        target.identities,
        [PathBuf::from("/home/me/.ssh/web"), "/home/me/admin@192.0.2.7.key".into()]
    );
    assert!(target.identities_only);
    assert_eq!(target.connect_timeout, Duration::from_secs(3));
}

#[test]
fn our_own_settings_win() {
    let written = written("Host *\n Port 2222\n User admin\n IdentityFile ~/other\n");
    let mut settings = settings();
    settings.user = Some("ec2-user".into());
    settings.port = Some(22);
    settings.identity = Some("~/mine".into());
    let target = resolve(&written.config.unwrap(), "web", &settings).unwrap().target;
    assert_eq!((target.port, target.user.as_str()), (22, "ec2-user"));
    assert_eq!(target.identities, [PathBuf::from("/home/me/mine")]);
    assert!(target.identities_only);
}

#[test]
fn every_address_can_be_sent_to_loopback() {
    let text = "Host 54.214.1.1\n HostName 127.0.0.2\n Port 40001\nHost *\n HostName 127.0.0.3\n";
    assert_eq!(route(text, "54.214.1.1").target.address(), "127.0.0.2:40001");
    assert_eq!(route(text, "54.214.9.9").target.address(), "127.0.0.3:22");
}

#[test]
fn match_blocks_hold_for_whom_they_name() {
    let text = "Match host 10.* user ubuntu\n Port 1\nMatch originalhost web !user root\n Port 2\n\
                Match all\n Port 3\n";
    assert_eq!(route(text, "10.0.0.1").target.port, 1);
    assert_eq!(route(text, "web").target.port, 2);
    assert_eq!(route(text, "other").target.port, 3);
    let renamed = "Host web\n HostName 10.0.0.9\nMatch host=10.*\n Port 5\n";
    assert_eq!(route(renamed, "web").target.port, 5);
}

#[test]
fn jumps_go_from_the_nearest_to_the_farthest() {
    let text = "Host 10.*\n ProxyJump first,admin@[2001:db8::1]:2200\n\
                Host first\n HostName 192.0.2.1\n User jump\n Port 2022\n";
    let route = route(text, "10.0.0.1");
    let hops: Vec<_> = route.jumps.iter().map(|hop| (hop.user.as_str(), hop.address())).collect();
    assert_eq!(
        hops,
        [("jump", "192.0.2.1:2022".to_owned()), ("admin", "[2001:db8::1]:2200".to_owned())]
    );
    assert_eq!(route.target.address(), "10.0.0.1:22");
}

#[test]
fn a_jump_hosts_own_jump_comes_first_and_none_ends_it() {
    let text = "Host inner\n ProxyJump outer\nHost 10.*\n ProxyJump inner\n\
                Host outer\n ProxyJump none\nHost *\n ProxyJump never\n";
    let names: Vec<_> = route(text, "10.0.0.1").jumps.into_iter().map(|hop| hop.alias).collect();
    assert_eq!(names, ["outer", "inner"]);
}

#[test]
fn jumps_in_a_circle_are_refused() {
    let text = "Host a\n ProxyJump b\nHost b\n ProxyJump a\n";
    assert!(refusal(text, "a").contains("circle"));
}

#[test]
fn commands_are_refused_with_their_line() {
    let text = "Host other\n ProxyCommand nc %h %p\nHost web\n ProxyCommand aws ssm start\n";
    let told = refusal(text, "web");
    assert!(told.starts_with("ssh_config:4: `ProxyCommand` runs a command"), "{told}");
    assert_eq!(route(text, "third").target.port, 22);

    let local = "Host *\n PermitLocalCommand yes\n LocalCommand touch /tmp/x\n";
    assert!(refusal(local, "web").starts_with("ssh_config:3: `LocalCommand`"));
    assert_eq!(route("LocalCommand touch /tmp/x\n", "web").target.port, 22);
    assert_eq!(route("Host *\n ProxyCommand none\n", "web").target.port, 22);
}

/// k0sproject/k0sctl#1140, wezterm/wezterm#5755: real dotfiles have these for other hosts.
#[test]
fn a_match_exec_elsewhere_is_no_trouble_here() {
    for other in [
        "Match host other.example.com exec \"true\"\n ProxyJump jump\n",
        "Match originalhost x exec \"true\"\n ProxyJump jump\n",
        "Match exec \"true\" host other.example.com\n ProxyJump jump\n",
        "Match localuser somebody-else exec \"true\"\n ProxyJump jump\n",
        "Match canonical exec \"true\"\n ProxyJump jump\n",
    ] {
        let route = route(&format!("{other}Host web\n Port 7\n"), "web");
        assert_eq!((route.target.port, route.jumps.len()), (7, 0), "{other}");
        assert!(route.notes.is_empty(), "{other}: {:?}", route.notes);
    }
}

#[test]
fn a_match_exec_that_would_decide_is_passed_over_with_a_word_or_refused() {
    let text = "Host web\n Port 1\nMatch host web exec \"true\"\n ProxyJump vpn\n";
    let route = route(text, "web");
    assert!(route.jumps.is_empty());
    assert_eq!(route.notes.len(), 1);
    let note = &route.notes[0];
    assert!(note.contains("ssh_config:3: `Match exec` runs a command"), "{note}");
    assert!(note.ends_with("passed over"), "{note}");

    let config = written(text).config.unwrap().undecided(Undecided::Refuse);
    let error = resolve(&config, "web", &settings()).unwrap_err();
    assert!(error.to_string().contains(":3: `Match exec`"), "{error}");
    resolve(&config, "other", &settings()).unwrap();
}

#[test]
fn localuser_is_answered() {
    let text = "Match localuser me\n Port 1\nMatch localuser root\n User x\n";
    assert_eq!(route(text, "web").target.port, 1);
    assert_eq!(route(text, "web").target.user, "ubuntu");
}

/// skypilot-org/skypilot#1022: a corporate file names its people for all hosts.
#[test]
fn a_user_for_all_hosts_does_not_beat_the_images() {
    for general in ["Host *\n User alice\n", "User alice\n", "Match all\n User alice\n"] {
        assert_eq!(route(general, "192.0.2.1").target.user, "ubuntu", "{general}");
        assert_eq!(jump(general, "bastion").user, "alice", "{general}");
    }
    let meant = "Host 192.0.2.*\n User ec2-user\nHost *\n User alice\n";
    assert_eq!(route(meant, "192.0.2.1").target.user, "ec2-user");
    let mut explicit = settings();
    explicit.user = Some("admin".into());
    let config = written(meant).config.unwrap();
    assert_eq!(resolve(&config, "192.0.2.1", &explicit).unwrap().target.user, "admin");
}

/// Adembc/lazyssh#41: 1Password, Secretive and gpg-agent listen elsewhere.
#[test]
fn the_agent_may_listen_elsewhere() {
    let agent =
        |value: &str| route(&format!("Host *\n IdentityAgent {value}\n"), "web").target.agent;
    assert_eq!(
        agent("\"/tmp/agent dir/agent.sock\""),
        AgentChoice::At("/tmp/agent dir/agent.sock".into())
    );
    assert_eq!(agent("~/agent.sock"), AgentChoice::At("/home/me/agent.sock".into()));
    assert_eq!(agent("%d/%u.sock"), AgentChoice::At("/home/me/me.sock".into()));
    assert_eq!(agent("$CARGO_MANIFEST_DIR"), AgentChoice::At(env!("CARGO_MANIFEST_DIR").into()));
    assert_eq!(agent("$NOBODY_SETS_THIS"), AgentChoice::Nobody);
    assert_eq!(agent("none"), AgentChoice::Nobody);
    assert_eq!(agent("SSH_AUTH_SOCK"), AgentChoice::Usual);
    assert_eq!(route("", "web").target.agent, AgentChoice::Usual);
}

#[test]
fn what_is_not_honoured_is_named_with_its_line() {
    let text = "Host *\n ForwardAgent yes\n Ciphers aes128-ctr\n AddressFamily any\n\
                CanonicalizeHostname no\n VerifyHostKeyDNS yes\n";
    let notes = route(text, "web").notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("ssh_config:3: `ciphers aes128-ctr` is not honoured"), "{notes:?}");
    assert!(notes[1].contains("ssh_config:6: `verifyhostkeydns yes`"), "{notes:?}");
}

#[test]
fn an_option_that_ssh_does_not_know_is_named_with_its_line() {
    let text = "IgnoreUnknown Apple*\nHost web\n IdentiyFile ~/.ssh/x\n AppleThing yes\n UseKeychain yes\n\
                \x20GSSAPITrustDns yes\nHost other\n Prot 22\n";
    let notes = route(text, "web").notes;
    let told = "ssh_config:3: `identiyfile` is no option of ssh_config(5) and is passed over";
    assert!(notes.len() == 1 && notes[0].ends_with(told), "{notes:?}");
}

#[test]
fn what_editors_put_before_an_option_is_told() {
    let told = refusal("\u{feff}Host web\n User me\n", "web");
    assert!(told.starts_with("ssh_config:1: the file begins with a byte order mark"), "{told}");
    for line in ["\u{a0}User me", "\u{a0} User me", " User\u{a0}me x"] {
        let told = refusal(&format!("Host web\n{line}\n"), "web");
        assert!(told.starts_with("ssh_config:2: a no-break space"), "{line:?}: {told}");
    }
    let told = refusal("Host web\n Us%er me\n", "web");
    assert!(told.starts_with("ssh_config:2: `us%er` is no option"), "{told}");
}

#[test]
fn a_port_may_be_called_ssh() {
    assert_eq!(route("Host web\n Port ssh\n", "web").target.port, 22);
}

#[test]
fn a_jump_hosts_command_is_refused_too() {
    let text = "Host jump\n ProxyCommand nc x 22\nHost web\n ProxyJump jump\n";
    assert!(refusal(text, "web").starts_with("ssh_config:2: `ProxyCommand`"));
}

#[test]
fn a_criterion_that_cannot_be_answered_matters_only_where_it_decides() {
    let text = "Match host web localnetwork 10.0.0.0/8\n Port 7\n";
    let web = route(text, "web");
    assert_eq!(web.target.port, 22);
    assert!(web.notes[0].contains("ssh_config:1: spot-tui cannot answer"), "{:?}", web.notes);
    assert!(route(text, "other").notes.is_empty());
}

#[test]
fn values_that_make_no_sense_name_their_line() {
    assert!(refusal("Port 0\n", "web").starts_with("ssh_config:1: `port 0` is not a number"));
    assert!(refusal("\nIdentityFile %z\n", "web").starts_with("ssh_config:2: `%z`"));
    assert!(refusal("User\n", "web").starts_with("ssh_config:1: `user` needs a value"));
}
