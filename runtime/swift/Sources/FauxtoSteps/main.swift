// What the tests of the Python side drive, on Linux alone.
//
//   FauxtoSteps answers CARD FOLDER     FOLDER/pictures.json -> crops and inputs in files, and the records on stdout
//   FauxtoSteps time WIDTH HEIGHT TO_WIDTH TO_HEIGHT     for each line on stdin, CPU milliseconds of one Resize
import Fauxto
import Foundation

struct Picture: Decodable {
  let name: String
  let width: Int
  let height: Int
  let logits: [Double]
}

func answers(card: URL, folder: URL) throws {
  let card = try Card(contentsOf: card)
  let judge = try Judge(card: card)
  let list = try Data(contentsOf: folder.appendingPathComponent("pictures.json"))
  let records = try JSONDecoder().decode([Picture].self, from: list).map { picture in
    let file = folder.appendingPathComponent(picture.name)
    let samples = [UInt8](try Data(contentsOf: file.appendingPathExtension("rgb")))
    let image = try Pixels(width: picture.width, height: picture.height, samples: samples)
    let crops = try card.input.crops(of: image)
    try Data(crops.flatMap(\.samples)).write(to: file.appendingPathExtension("crops"))
    try card.input.normalised(crops).withUnsafeBytes { try Data($0).write(to: file.appendingPathExtension("input")) }
    return try judge.prediction(logits: picture.logits, width: image.width, height: image.height, path: picture.name)
  }
  print(String(decoding: try JSONEncoder().encode(records), as: UTF8.self))
}

func time(_ sizes: [Int]) throws {
  let samples = (0..<UInt32(sizes[0] * sizes[1] * 3)).map { UInt8(($0 &* 2_654_435_761) >> 24) }
  let image = try Pixels(width: sizes[0], height: sizes[1], samples: samples)
  while readLine() != nil {
    let started = clock()
    let resized = try Resize.bicubic(image, width: sizes[2], height: sizes[3])
    let milliseconds = Double(clock() - started) * 1000 / Double(CLOCKS_PER_SEC)
    FileHandle.standardOutput.write(Data("\(milliseconds) \(resized.samples.count)\n".utf8))
  }
}

let words = Array(CommandLine.arguments.dropFirst())
let sizes = words.dropFirst().compactMap(Int.init)
if words.first == "answers", words.count == 3 {
  try answers(card: URL(fileURLWithPath: words[1]), folder: URL(fileURLWithPath: words[2]))
} else if words.first == "time", sizes.count == 4 {
  try time(sizes)
} else {
  print("usage: FauxtoSteps answers CARD FOLDER | time WIDTH HEIGHT TO_WIDTH TO_HEIGHT")
  exit(2)
}
