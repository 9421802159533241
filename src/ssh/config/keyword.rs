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
pub(in crate::ssh) const IGNORE_UNKNOWN: &str = "ignoreunknown";
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

/// Every option that an `ssh` of today knows or passes over as outdated (readconf.c of OpenSSH 9.2
/// with Debian's additions; ssh_config(5) of 10.0), and Apple's.
const KNOWN: &str = "
    addkeystoagent addressfamily afstokenpassing batchmode bindaddress bindinterface
    canonicaldomains canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots
    canonicalizepermittedcnames casignaturealgorithms certificatefile
    challengeresponseauthentication channeltimeout checkhostip cipher ciphers
    clearallforwardings compression compressionlevel connectionattempts connecttimeout
    controlmaster controlpath controlpersist dsaauthentication dynamicforward
    enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fallbacktorsh
    fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout
    forwardx11trusted gatewayports globalknownhostsfile globalknownhostsfile2
    gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms
    gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns
    hashknownhosts hostbasedacceptedalgorithms hostbasedauthentication hostbasedkeytypes
    hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile
    identityfile2 ignoreunknown ipqos kbdinteractiveauthentication kbdinteractivedevices
    keepalive kerberosauthentication kerberostgtpassing kexalgorithms knownhostscommand
    localcommand localforward loglevel logverbose macs nohostauthenticationforlocalhost
    numberofpasswordprompts obscurekeystroketiming passwordauthentication permitlocalcommand
    pkcs11provider port preferredauthentications protocol protocolkeepalives proxycommand
    proxyjump proxyusefdpass pubkeyacceptedalgorithms pubkeyacceptedkeytypes
    pubkeyauthentication refuseconnection rekeylimit remotecommand remoteforward requesttty
    requiredrsasize revokedhostkeys rhostsauthentication rhostsrsaauthentication
    rsaauthentication securitykeyprovider sendenv serveralivecountmax serveraliveinterval
    sessiontype setenv setuptimeout skeyauthentication smartcarddevice stdinnull
    streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility tag
    tcpkeepalive tisauthentication tunnel tunneldevice updatehostkeys useblacklistedkeys
    usekeychain useprivilegedport user userknownhostsfile userknownhostsfile2 useroaming usersh
    verifyhostkeydns versionaddendum visualhostkey warnweakcrypto xauthlocation
";

/// Whether `ssh` would know this option. It refuses a file with another one.
pub(super) fn is_known(keyword: &str) -> bool {
    KNOWN.split_ascii_whitespace().any(|known| known == keyword)
}

/// What adds up instead of the first one winning.
const LISTED: [&str; 2] = [IDENTITY_FILE, CERTIFICATE_FILE];

pub(super) fn is_listed(keyword: &str) -> bool {
    LISTED.contains(&keyword)
}
