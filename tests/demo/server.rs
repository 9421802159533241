//! The loopback server: the same world for other processes.

use std::io;

use spot_tui::demo::{Server, serve};

use super::*;

async fn open(server: &Server) -> Aws {
    let access = Access {
        endpoint: Some(server.url()),
        credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
        ..Access::default()
    };
    Aws::open(&access).await.unwrap()
}

#[tokio::test]
async fn two_clients_see_each_others_changes() {
    let settings = Settings { speed: 60.0, ..settings() };
    let world = World::new(&settings, Scenario::default());
    let server = serve(&world, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (one, other) = (open(&server).await, open(&server).await);
    assert_eq!(one.account().await.unwrap().regions.len(), 17);
    let region = REGION.into();
    let tags = origin().tags(&region, "x");
    let vpc = one.region(&region).create_vpc("10.0.0.0/16".parse().unwrap(), &tags).await.unwrap();
    // The world does not tell of it for its first second, a sixtieth of one here.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let seen = other.region(&region).network(&ours()).await.unwrap().vpcs;
        if seen.iter().any(|seen| seen.id == vpc) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "never seen: {seen:?}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let world = World::new(&settings(), Scenario::default());
    for address in ["0.0.0.0:0", "[::]:0", "198.18.0.1:0"] {
        let refused = serve(&world, address.parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{address}");
    }
}
