// The symbols of CryptoKit that the package uses, without bodies: enough to type-check it where there is no Mac.
import Foundation

public struct SHA256Digest: Sequence {
  public func makeIterator() -> IndexingIterator<[UInt8]> { [].makeIterator() }
}

public enum SHA256 {
  public static func hash(data: Data) -> SHA256Digest { SHA256Digest() }
}
