using GrainDb.Engine.Sagas;

namespace GrainDb.Grains.Sagas.Http;

/// <summary>A service outside the database that sagas call over HTTP, as the operator configured it.</summary>
/// <param name="Name">Its name in definitions.</param>
/// <param name="Url">Where calls are posted, absolute; the same for all actions.</param>
/// <param name="Actions">What it can be asked to do, with the action that undoes it; null for none.</param>
public sealed record HttpServiceOptions(string Name, Uri Url, IReadOnlyDictionary<string, string?> Actions)
{
    /// <summary>Most services of one cluster.</summary>
    public const int MaxServices = 100;

    /// <summary>Most actions of one service.</summary>
    public const int MaxActions = 100;

    /// <summary>What is wrong; null when nothing is.</summary>
    public string? WhyNot()
    {
        if (!SagaDefinition.IsName(Name, SagaLimits.MaxNameLength))
            return $"a service's name is 1 to {SagaLimits.MaxNameLength} of A-Z a-z 0-9 . _ -";
        if (!Url.IsAbsoluteUri || Url.Scheme is not ("http" or "https") || Url.UserInfo.Length > 0 || Url.Fragment.Length > 0)
            return "the URL must be http:// or https://, without user and fragment";
        if (Actions.Count is 0 or > MaxActions)
            return $"a service has 1 to {MaxActions} actions";
        return Actions.Keys.Concat(Actions.Values.OfType<string>()).FirstOrDefault(action => !SagaDefinition.IsName(action, SagaLimits.MaxNameLength)) is { } wrong
            ? $"action '{wrong}': a name is 1 to {SagaLimits.MaxNameLength} of A-Z a-z 0-9 . _ -"
            : null;
    }
}

/// <summary>The services that sagas may call over HTTP.</summary>
/// <param name="AllowedTargets">Scheme, host and port that may be called, as <c>https://host:443</c>; none by default.</param>
/// <param name="Services">The services; each lies at an allowed target.</param>
public sealed record SagaHttpOptions(IReadOnlySet<string> AllowedTargets, IReadOnlyList<HttpServiceOptions> Services)
{
    /// <summary>No service.</summary>
    public static readonly SagaHttpOptions None = new(new HashSet<string>(), []);

    /// <summary>The target of a URL: scheme, host and port, in lower case.</summary>
    public static string TargetOf(Uri url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return $"{url.Scheme}://{url.IdnHost.ToLowerInvariant()}:{url.Port}";
    }
}
