// The symbols of Core ML that the package uses, without bodies: enough to type-check it where there is no Mac.
import CoreVideo
import Foundation

public struct Unavailable: Error {}

public enum MLComputeUnits: Int, Sendable { case cpuOnly, cpuAndGPU, all, cpuAndNeuralEngine }

public final class MLModelConfiguration {
  public init() {}
  public var computeUnits = MLComputeUnits.all
}

public struct MLModelMetadataKey: Hashable, Sendable {
  public static let creatorDefinedKey = MLModelMetadataKey()
}

public final class MLImageConstraint {
  public var pixelsWide: Int { 0 }
  public var pixelsHigh: Int { 0 }
}

public final class MLFeatureDescription {
  public var imageConstraint: MLImageConstraint? { nil }
}

public final class MLModelDescription {
  public var inputDescriptionsByName: [String: MLFeatureDescription] { [:] }
  public var outputDescriptionsByName: [String: MLFeatureDescription] { [:] }
  public var metadata: [MLModelMetadataKey: Any] { [:] }
}

public final class MLMultiArray {
  public var count: Int { 0 }
  public subscript(index: Int) -> NSNumber { 0 }
}

public final class MLFeatureValue {
  public init(pixelBuffer: CVPixelBuffer) {}
  public var multiArrayValue: MLMultiArray? { nil }
  public var dictionaryValue: [AnyHashable: NSNumber] { [:] }
}

public protocol MLFeatureProvider {
  func featureValue(for name: String) -> MLFeatureValue?
}

public final class MLDictionaryFeatureProvider: MLFeatureProvider {
  public init(dictionary: [String: Any]) throws {}
  public func featureValue(for name: String) -> MLFeatureValue? { nil }
}

public protocol MLBatchProvider {
  var count: Int { get }
  func features(at index: Int) -> any MLFeatureProvider
}

public final class MLArrayBatchProvider: MLBatchProvider {
  public init(array: [any MLFeatureProvider]) {}
  public var count: Int { 0 }
  public func features(at index: Int) -> any MLFeatureProvider { fatalError("a stub") }
}

public final class MLModel {
  public static func compileModel(at url: URL) async throws -> URL { throw Unavailable() }
  public static func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLModel {
    throw Unavailable()
  }
  public var modelDescription: MLModelDescription { MLModelDescription() }
  public func predictions(fromBatch batch: any MLBatchProvider) throws -> any MLBatchProvider { throw Unavailable() }
}
