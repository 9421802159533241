use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

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
    let target = route(
        "Host web\n HostName 192.0.2.7\n Port 2222\n User admin\n IdentityFile ~/.ssh/web\n\
         ConnectTimeout 3\nHost *\n Port 22\n User nobody\n IdentityFile %d/%r@%h.key\n\
         IdentitiesOnly yes\n",
        "web",
    )
    .target;
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
    assert!(told.contains("ssh.config_file"), "{told}");
    assert_eq!(route(text, "third").target.port, 22);

    let local = "Host *\n PermitLocalCommand yes\n LocalCommand touch /tmp/x\n";
    assert!(refusal(local, "web").starts_with("ssh_config:3: `LocalCommand`"));
    assert_eq!(route("LocalCommand touch /tmp/x\n", "web").target.port, 22);
    assert_eq!(route("Host *\n ProxyCommand none\n", "web").target.port, 22);

    let exec = "Host web\n Port 1\nMatch host nowhere exec \"true\"\n Port 2\n";
    assert!(refusal(exec, "web").starts_with("ssh_config:3: `Match exec` runs a command"));
}

#[test]
fn a_jump_hosts_command_is_refused_too() {
    let text = "Host jump\n ProxyCommand nc x 22\nHost web\n ProxyJump jump\n";
    assert!(refusal(text, "web").starts_with("ssh_config:2: `ProxyCommand`"));
}

#[test]
fn a_criterion_that_cannot_be_decided_is_refused_where_it_matters() {
    let text = "Match host web localnetwork 10.0.0.0/8\n Port 7\n";
    assert!(refusal(text, "web").starts_with("ssh_config:1: `Match localnetwork`"));
    assert_eq!(route(text, "other").target.port, 22);
}

#[test]
fn values_that_make_no_sense_name_their_line() {
    assert!(refusal("Port 0\n", "web").starts_with("ssh_config:1: `port 0` is not a number"));
    assert!(refusal("\nIdentityFile %z\n", "web").starts_with("ssh_config:2: `%z`"));
    assert!(refusal("User\n", "web").starts_with("ssh_config:1: `user` needs a value"));
}
