using GrainDb.Interfaces.Errors;

namespace GrainDb.Api.Errors;

/// <summary>
/// Failures of binding. They leave the binder as exceptions, because they are rare and end the request wherever they are
/// found; what happens after binding is carried as a result.
/// </summary>
internal static class BadInput
{
    public static GrainDbException Request(string detail) => Of(ErrorCode.InvalidRequest, detail);

    public static GrainDbException Key(string detail) => Of(ErrorCode.InvalidKey, detail);

    public static GrainDbException Unsupported(string detail) => Of(ErrorCode.UnsupportedForFamily, detail);

    public static GrainDbException Of(ErrorCode code, string detail) => new(Failure.NotApplied(code, detail));
}
