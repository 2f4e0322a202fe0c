// Wires the channels service into a process.
#pragma once

namespace mo {
class App;
}

namespace mo::channels {

class Controls;
class Expander;
class Reporter;
class SeriesWorker;
class TurnLeases;

void Install(App& app);

// The parts that otherwise run by themselves.
struct Workers {
  Expander& expander;
  Controls& controls;
  Reporter& reporter;
  SeriesWorker& series;
  TurnLeases& leases;
};

// Install() without threads for the broadcasts' workers: tests take their steps one by one.
Workers InstallWithoutWorkers(App& app);

}  // namespace mo::channels
