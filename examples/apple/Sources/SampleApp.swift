import SwiftUI

@main
struct SampleApp: App {
  var body: some Scene {
    WindowGroup {
      ContentView()
        .frame(minWidth: 320, minHeight: 480)
    }
  }
}
