import Fauxto
import Foundation
import XCTest

/// tests/vectors: small pictures, and what the Python runtime makes of them step by step.
struct Vectors: Decodable {
  let prior: Double
  let tolerances: Tolerances
  let cases: [Case]

  struct Tolerances: Decodable {
    let crops: [String: Int]
    let logit: [String: Double]
    let pAiFromLogit: Double
  }

  struct Case: Decodable {
    let name: String
    let file: String
    let width: Int
    let height: Int
    let rgb: File
    let scaled: [Int]
    let offsets: [[Int]]
    let crops: File
    let logits: [Double]
    let logit: Double
    let pAi: Double
    let pAiAtPrior: Double
    let verdicts: [String: Words]
  }

  struct File: Decodable {
    let file: String
    let shape: [Int]
    let tolerance: Int?
  }

  struct Words: Decodable {
    let verdict: Verdict
    let lean: Lean?
    let reason: Reason
  }

  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let folder = root.appendingPathComponent("tests/vectors")
  static let model = root.appendingPathComponent("models/fauxto-r18")

  static func read() throws -> Vectors {
    let index = folder.appendingPathComponent("index.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let vectors = try decoder.decode(Vectors.self, from: Data(contentsOf: index))
    XCTAssertGreaterThan(vectors.cases.count, 10)
    return vectors
  }

  static func card() throws -> Card {
    try Card(contentsOf: model.appendingPathComponent("card.json"))
  }

  static func pixels(_ file: File) throws -> Pixels {
    try PNG.pixels(folder.appendingPathComponent(file.file))
  }

  /// The crops of a case, which lie below each other in their file.
  static func crops(_ file: File) throws -> [Pixels] {
    let all = try pixels(file)
    let size = file.shape[1]
    return try (0..<file.shape[0]).map { i in
      let count = size * size * 3
      return try Pixels(width: size, height: size, samples: Array(all.samples[(i * count)..<((i + 1) * count)]))
    }
  }
}
