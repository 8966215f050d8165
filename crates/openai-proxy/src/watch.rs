//! Who looks after providers while calls come and go, on a thread of its own that holds up nobody: are they well, and who has to
//! hear of it when they are not.

use gateway::Gateway;
use gateway::life::State;

/// Begins to look after the providers of a gateway, until the house begins to close.
pub(crate) fn start(gateway: &Gateway) {
    let (attend, watch, mut life) = (gateway.attend(), gateway.watch(), gateway.life().watch());
    let live = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let Ok(runtime) =
            runtime.inspect_err(|error| tracing::error!(%error, "nobody looks after providers"))
        else {
            return;
        };
        runtime.block_on(async {
            tokio::select! {
                () = attend => {}
                () = watch => {}
                _closing = life.wait_for(|state| *state != State::Open) => {}
            }
        });
    };
    // Nobody waits for its end: whatever it is at may be broken off at any time.
    if let Err(error) = std::thread::Builder::new().name("watch".to_owned()).spawn(live) {
        tracing::error!(%error, "there is no thread to look after providers: nobody asks whether they are well");
    }
}
