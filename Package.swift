// swift-tools-version: 5.9
import PackageDescription

let settings: [SwiftSetting] = [.enableExperimentalFeature("StrictConcurrency")]

let package = Package(
  name: "Fauxto",
  platforms: [.iOS(.v16), .macOS(.v13)],
  products: [.library(name: "Fauxto", targets: ["Fauxto"])],
  targets: [
    .target(name: "Fauxto", path: "runtime/swift/Sources/Fauxto", swiftSettings: settings),
    .testTarget(
      name: "FauxtoTests", dependencies: ["Fauxto"], path: "runtime/swift/Tests/FauxtoTests",
      exclude: ["expected.json"], swiftSettings: settings),
  ]
)

#if os(Linux)
  // What the tests of the Python side drive: the steps on files of raw pixels, and their speed.
  package.targets.append(
    .executableTarget(
      name: "FauxtoSteps", dependencies: ["Fauxto"], path: "runtime/swift/Sources/FauxtoSteps",
      swiftSettings: settings))
#endif
