import Fauxto
import XCTest

final class PixelsTests: XCTestCase {
  func testSizesThatCannotBeAreRefusedBeforeAnyPixelIsLookedAt() {
    let wrong: [(Int, Int, String)] = [
      (0, 5, "a picture of 0 x 5 px; each side must have 1 to 65536 px"),
      (5, -5, "a picture of 5 x -5 px; each side must have 1 to 65536 px"),
      (65_537, 1, "a picture of 65537 x 1 px; each side must have 1 to 65536 px"),
      (20_000, 20_000, "more than 178 megapixels; scale it down first"),
      (2, 2, "3 samples for 2 x 2 x 3; give as many as that"),
    ]
    for (width, height, reason) in wrong {
      XCTAssertThrowsError(try Pixels(width: width, height: height, samples: [0, 0, 0])) { error in
        XCTAssertEqual(error as? FauxtoError, .image(reason))
      }
    }
    XCTAssertThrowsError(try Pixels(width: 1, height: 1, channels: 1, samples: [0])) { error in
      XCTAssertEqual(error as? FauxtoError, .image("1 samples a pixel; give 3 (RGB) or 4 (RGB and one unused)"))
    }
  }

  func testOnePixelIsMirroredIntoCropsOfItsColour() throws {
    let rule = try Vectors.card().input
    let crops = try rule.crops(of: Pixels(width: 1, height: 1, samples: [10, 20, 30]))
    XCTAssertEqual(crops.count, rule.positions.count)
    let samples = (0..<(rule.cropSize * rule.cropSize)).flatMap { _ -> [UInt8] in [10, 20, 30] }
    let expected = try Pixels(width: rule.cropSize, height: rule.cropSize, samples: samples)
    for crop in crops { XCTAssertEqual(crop, expected) }
  }

  func testLongStripsAreCut() throws {
    let rule = try Vectors.card().input
    let plain = [UInt8](repeating: 77, count: rule.cropSize * rule.cropSize * 3)
    for (width, height) in [(65_536, 1), (1, 65_536), (2_000, 700), (641, 2_000)] {
      let image = try Pixels(width: width, height: height, samples: [UInt8](repeating: 77, count: width * height * 3))
      for crop in try rule.crops(of: image) { XCTAssertEqual(crop.samples, plain, "\(width) x \(height)") }
    }
  }

  func testOrientationsPutTheFirstPixelWhereEXIFSays() throws {
    let image = try Pixels(width: 3, height: 2, samples: (0..<18).map { UInt8($0 / 3) })
    let expected: [Int: [UInt8]] = [
      1: [0, 1, 2, 3, 4, 5], 2: [2, 1, 0, 5, 4, 3], 3: [5, 4, 3, 2, 1, 0], 4: [3, 4, 5, 0, 1, 2],
      5: [0, 3, 1, 4, 2, 5], 6: [3, 0, 4, 1, 5, 2], 7: [5, 2, 4, 1, 3, 0], 8: [2, 5, 1, 4, 0, 3],
    ]
    for (orientation, order) in expected {
      let turned = image.upright(orientation: orientation)
      XCTAssertEqual([turned.width, turned.height], orientation < 5 ? [3, 2] : [2, 3])
      XCTAssertEqual(turned.samples, order.flatMap { [$0, $0, $0] }, "\(orientation)")
    }
    for unknown in [0, 9, -1] { XCTAssertEqual(image.upright(orientation: unknown), image) }
  }

  func testNormalisedCropsArePlanarAndInSinglePrecision() throws {
    let rule = try Vectors.card().input
    let samples = (0..<(rule.cropSize * rule.cropSize * 3)).map { UInt8(truncatingIfNeeded: $0) }
    let crop = try Pixels(width: rule.cropSize, height: rule.cropSize, samples: samples)
    let found = rule.normalised([crop, crop])
    let area = rule.cropSize * rule.cropSize
    XCTAssertEqual(found.count, 2 * 3 * area)
    for channel in 0..<3 {
      for place in [0, 1, 100, area - 1] {
        let exact = (Double(samples[place * 3 + channel]) / 255 - rule.mean[channel]) / rule.std[channel]
        XCTAssertEqual(Double(found[(3 + channel) * area + place]), exact, accuracy: 1e-5)
      }
    }
  }
}
