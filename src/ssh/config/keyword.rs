//! The keywords of ssh_config(5) that are honoured, in small letters.

pub(in crate::ssh) const CERTIFICATE_FILE: &str = "certificatefile";
pub(in crate::ssh) const CONNECT_TIMEOUT: &str = "connecttimeout";
pub(in crate::ssh) const GLOBAL_KNOWN_HOSTS_FILE: &str = "globalknownhostsfile";
pub(in crate::ssh) const HASH_KNOWN_HOSTS: &str = "hashknownhosts";
pub(in crate::ssh) const HOST_KEY_ALIAS: &str = "hostkeyalias";
pub(in crate::ssh) const HOST_NAME: &str = "hostname";
pub(in crate::ssh) const IDENTITIES_ONLY: &str = "identitiesonly";
pub(in crate::ssh) const IDENTITY_AGENT: &str = "identityagent";
pub(in crate::ssh) const IDENTITY_FILE: &str = "identityfile";
pub(in crate::ssh) const LOCAL_COMMAND: &str = "localcommand";
pub(in crate::ssh) const PERMIT_LOCAL_COMMAND: &str = "permitlocalcommand";
pub(in crate::ssh) const PORT: &str = "port";
pub(in crate::ssh) const PROXY_COMMAND: &str = "proxycommand";
pub(in crate::ssh) const PROXY_JUMP: &str = "proxyjump";
pub(in crate::ssh) const SERVER_ALIVE_COUNT_MAX: &str = "serveralivecountmax";
pub(in crate::ssh) const SERVER_ALIVE_INTERVAL: &str = "serveraliveinterval";
pub(in crate::ssh) const STRICT_HOST_KEY_CHECKING: &str = "stricthostkeychecking";
pub(in crate::ssh) const USER: &str = "user";
pub(in crate::ssh) const USER_KNOWN_HOSTS_FILE: &str = "userknownhostsfile";

/// What adds up instead of the first one winning.
const LISTED: [&str; 2] = [IDENTITY_FILE, CERTIFICATE_FILE];

pub(super) fn is_listed(keyword: &str) -> bool {
    LISTED.contains(&keyword)
}
