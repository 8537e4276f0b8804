import Fauxto
import XCTest

/// Against Pillow, by checksums that tests/swift/expected.py wrote.
final class ResizeTests: XCTestCase {
  private struct Expected: Decodable {
    let golden: [UInt32]
    let resized: [Entry]

    struct Entry: Decodable {
      let from: [Int]
      let to: [Int]
      let crc32: UInt32
    }

    static func read() throws -> Expected {
      let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("expected.json")
      return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: url))
    }
  }

  func testPicturesOfManySizesArePillowsBitForBit() throws {
    let entries = try Expected.read().resized
    XCTAssertGreaterThan(entries.count, 100)
    for entry in entries {
      let image = try noise(width: entry.from[0], height: entry.from[1])
      let resized = try Resize.bicubic(image, width: entry.to[0], height: entry.to[1])
      XCTAssertEqual([resized.width, resized.height, resized.channels], [entry.to[0], entry.to[1], 3])
      XCTAssertEqual(CRC32.of(resized.samples), entry.crc32, "\(entry.from) -> \(entry.to)")
    }
  }

  func testGoldenPicturesArePythons() throws {
    let found = try (0..<3).map { CRC32.of(try Pixels.golden($0).samples) }
    XCTAssertEqual(found, try Expected.read().golden)
  }

  func testTheSameSizeIsTheSamePicture() throws {
    let image = try noise(width: 37, height: 21)
    XCTAssertEqual(try Resize.bicubic(image, width: 37, height: 21), image)
  }

  func testAPlainColourStaysWhatItIs() throws {
    for level in [UInt8(0), 1, 128, 254, 255] {
      let image = try Pixels(width: 90, height: 70, samples: [UInt8](repeating: level, count: 90 * 70 * 3))
      for (width, height) in [(1, 1), (31, 17), (333, 500)] {
        XCTAssertEqual(Set(try Resize.bicubic(image, width: width, height: height).samples), [level])
      }
    }
  }

  func testASizeThatCannotBeIsRefused() throws {
    let image = try noise(width: 4, height: 4)
    for (width, height) in [(0, 5), (5, -1), (65_537, 5)] {
      XCTAssertThrowsError(try Resize.bicubic(image, width: width, height: height)) { error in
        XCTAssertEqual(
          error as? FauxtoError, .argument("cannot scale to \(width) x \(height) px; each side must have 1 to 65536 px")
        )
      }
    }
  }

  /// Noise of all levels by whole numbers, as tests/swift/expected.py makes it.
  private func noise(width: Int, height: Int) throws -> Pixels {
    let samples = (0..<UInt32(width * height * 3)).map { i in
      var value = i &* 2_654_435_761
      value ^= value >> 15
      return UInt8((value &* 2_246_822_519) >> 24)
    }
    return try Pixels(width: width, height: height, samples: samples)
  }
}

/// The checksum of zlib and PNG (ISO 3309).
enum CRC32 {
  private static let table = (0..<UInt32(256)).map { byte in
    (0..<8).reduce(byte) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
  }

  static func of(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
  }
}
