#if canImport(CoreML)
  @preconcurrency import CoreML
  import CoreVideo
  import Foundation

  /// Where a Core ML model has its answer.
  enum Output: Sendable {
    /// The crop's logit, float32.
    case logit
    /// Calibrated probabilities, label -> p, of the labels `positive` and `other`: packages up to release 6 have no
    /// more. The logit is found by `ln(p / other)`, which half precision makes coarse beyond log-odds of 10 either way
    /// and loses beyond 17.
    case probabilities(positive: String, other: String)

    static let input = "image"
    private static let logitName = "logit"
    private static let probabilitiesName = "classLabel_probs"

    /// Throws `FauxtoError.model` where the model is not the card's.
    init(of description: MLModelDescription, card: Card, name: String) throws {
      let size = card.input.cropSize
      guard let image = description.inputDescriptionsByName[Self.input]?.imageConstraint else {
        throw FauxtoError.model(
          "\(name): has no input \"\(Self.input)\" for pictures; take a package that fauxto exported")
      }
      guard image.pixelsWide == size, image.pixelsHigh == size else {
        throw FauxtoError.model(
          "\(name): takes \(image.pixelsWide) x \(image.pixelsHigh) px, and the card says \(size); take both of one release"
        )
      }
      if description.outputDescriptionsByName[Self.logitName] != nil {
        self = .logit
      } else if description.outputDescriptionsByName[Self.probabilitiesName] != nil,
        let other = card.labels.first(where: { $0 != card.positiveLabel })
      {
        self = .probabilities(positive: card.positiveLabel, other: other)
      } else {
        throw FauxtoError.model("\(name): gives neither logit nor probabilities; take a package that fauxto exported")
      }
    }

    /// One crop's logit, before the calibration. Throws `FauxtoError.model` where there is none.
    func logit(in features: any MLFeatureProvider, calibration: Calibration) throws -> Double {
      switch self {
      case .logit:
        if let values = features.featureValue(for: Self.logitName)?.multiArrayValue, values.count == 1 {
          return values[0].doubleValue
        }
      case .probabilities(let positive, let other):
        let p = features.featureValue(for: Self.probabilitiesName)?.dictionaryValue
        if let ai = p?[positive]?.doubleValue, let rest = p?[other]?.doubleValue {
          return calibration.logit(probability: ai, other: rest)
        }
      }
      throw FauxtoError.model("the model gave no answer for a crop; take the model and the card of one release")
    }
  }

  extension Pixels {
    /// The pixels as Core ML takes them, BGRA. Throws `FauxtoError.model` where there is no memory.
    func pixelBuffer() throws -> CVPixelBuffer {
      var made: CVPixelBuffer?
      let attributes = [kCVPixelBufferIOSurfacePropertiesKey: [String: Any]()] as CFDictionary
      let status = CVPixelBufferCreate(kCFAllocatorDefault, width, height, kCVPixelFormatType_32BGRA, attributes, &made)
      guard status == kCVReturnSuccess, let buffer = made else {
        throw FauxtoError.model("no memory for a crop (CVReturn \(status)); close other apps")
      }
      CVPixelBufferLockBaseAddress(buffer, [])
      defer { CVPixelBufferUnlockBaseAddress(buffer, []) }
      guard let base = CVPixelBufferGetBaseAddress(buffer) else {
        throw FauxtoError.model("no memory for a crop; close other apps")
      }
      let rowBytes = CVPixelBufferGetBytesPerRow(buffer)
      for y in 0..<height {
        let row = base.advanced(by: y * rowBytes).assumingMemoryBound(to: UInt8.self)
        for x in 0..<width {
          let from = (y * width + x) * channels
          row[4 * x] = samples[from + 2]
          row[4 * x + 1] = samples[from + 1]
          row[4 * x + 2] = samples[from]
          row[4 * x + 3] = 255
        }
      }
      return buffer
    }
  }
#endif
