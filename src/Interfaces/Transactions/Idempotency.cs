using GrainDb.Interfaces.Keys;

namespace GrainDb.Interfaces.Transactions;

/// <summary>
/// What makes a repeated request one: stored with the effect, in the same record. A range that finds the key answers with the stored result;
/// with another hash it is <see cref="Errors.ErrorCode.IdempotencyMismatch"/>.
/// </summary>
/// <param name="Key">The client's key: 1 to <see cref="TransactionLimits.MaxIdempotencyKeyLength"/> printable ASCII characters.</param>
/// <param name="RequestHash">Of everything in the request that decides what it does, 128 bits.</param>
/// <param name="Answer">Opaque bytes to be given back with the result; at most <see cref="TransactionLimits.MaxIdempotencyAnswerBytes"/>.</param>
[GenerateSerializer, Immutable, Alias("graindb.idempotency-stamp")]
public sealed record IdempotencyStamp([property: Id(0)] string Key, [property: Id(1)] UInt128 RequestHash, [property: Id(2)] ReadOnlyMemory<byte> Answer);

/// <summary>A result that was stored with its effect.</summary>
/// <param name="Version">The original commit timestamp.</param>
/// <param name="Existed">The original <see cref="WriteResult.Existed"/>.</param>
/// <param name="Answer">The bytes of the stamp.</param>
[GenerateSerializer, Immutable, Alias("graindb.idempotency-record")]
public sealed record IdempotencyRecord([property: Id(0)] Timestamp Version, [property: Id(1)] bool Existed, [property: Id(2)] ReadOnlyMemory<byte> Answer);
