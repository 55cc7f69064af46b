using System.Globalization;
using System.Text.Unicode;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace GrainDb.Api.Sagas;

/// <summary>What requests to sagas take besides their bodies.</summary>
internal static class SagaRequest
{
    public const string IdParameter = "id";
    public const string NameParameter = "name";
    public const string StepParameter = "step";
    public const string VersionParameter = "version";
    public const string WaitParameter = "wait";
    public const string FromParameter = "from";
    public const string LimitParameter = "limit";
    public const string CursorParameter = "cursor";
    public const string ActorHeader = "GrainDb-Actor";

    /// <summary>Who did something, when nobody says.</summary>
    public const string UnnamedActor = "unnamed";

    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    public static string Route(HttpContext context, string name) => (string)context.GetRouteValue(name)!;

    /// <summary>A JSON body, which is kept as it is: text that is none would only be noticed by whoever reads it later.</summary>
    public static async ValueTask<byte[]> ReadBodyAsync(HttpContext context, int limit, bool isRequired)
    {
        var bytes = isRequired ? await JsonBody.ReadBytesAsync(context, limit) : await JsonBody.ReadOptionalBytesAsync(context, limit);
        return Utf8.IsValid(bytes) ? bytes : throw BadInput.Request("The body is not UTF-8.");
    }

    /// <summary>Zero when it is not given.</summary>
    public static TimeSpan ReadWait(QueryParameters query)
    {
        if (query.Text(WaitParameter) is not { } text)
            return TimeSpan.Zero;
        return Duration.TryParse(text, out var wait) && wait <= MaxWait
            ? wait
            : throw BadInput.Request($"{WaitParameter} is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}, at most {Duration.Format(MaxWait)}.");
    }

    public static int ReadVersion(HttpContext context)
    {
        var text = Route(context, VersionParameter);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0
            ? version
            : throw BadInput.Of(
                HttpMethods.IsGet(context.Request.Method) ? ErrorCode.SagaDefinitionNotFound : ErrorCode.InvalidRequest,
                $"The version is '{QueryParameters.Shorten(text)}'; it must be a whole number of 1 or more.");
    }
}
