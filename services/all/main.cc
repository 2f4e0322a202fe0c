// Every service in one process, over in-process channels: for a laptop, a demo, a small customer,
// and most tests.
#include "libs/runtime/main.h"

#include "services/accounts/install.h"
#include "services/channels/install.h"
#include "services/contacts/install.h"
#include "services/edge/install.h"
#include "services/inbox/install.h"
#include "services/links/install.h"
#include "services/media/install.h"
#include "services/rules/install.h"
#include "services/sims/install.h"
#include "services/statistics/install.h"

int main(int argc, char** argv) {
  // From the lowest layer to the highest: started in this order, stopped in reverse.
  return mo::Main(
      argc, argv,
      {mo::accounts::Install, mo::media::Install, mo::links::Install, mo::statistics::Install,
       mo::sims::Install, mo::contacts::Install, mo::channels::Install, mo::inbox::Install,
       mo::rules::Install, mo::edge::Install});
}
